"""What an installation holds: how many titles and media, and how many bytes by area of the bucket.

From rows, since listing a bucket of a million streams takes hours: sources as they were uploaded,
streams as their segments were counted when they were published (posters, storyboards, playlists and
subtitles are small and left out), work areas as what unfinished and failed jobs have encoded.
"""

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo.errors import ExecutionTimeout

from tasks.models import Media, Status, Title, TranscodeJob, stored
from tasks.models.clock import now

#: Seconds for which the answer is kept in this process, and how much longer than it took to count:
#: a million media take a second or two.
KEPT_SECONDS = 30.0
REST = 100
#: Milliseconds that one aggregation may take; then its number is not known.
LONGEST_MS = 3_000
#: Time for which the work area of a failed or cancelled job is kept: see ``recovery.orphans``.
WORK_KEPT = timedelta(days=7)

_TITLES = ("film", "season", "episode")


@dataclass(frozen=True)
class Holdings:
    """Sizes in bytes; None is what could not be counted in time. ``titles`` by kind."""

    counted_at: datetime
    titles: dict[str, int]
    media: int | None
    ready: int | None
    sources: int | None
    streams: int | None
    work: int | None

    @property
    def stored(self) -> int | None:
        """All areas together; None where one of them is not known."""
        areas = (self.sources, self.streams, self.work)
        known = [area for area in areas if area is not None]
        return sum(known) if len(known) == len(areas) else None


_lock = threading.Lock()
_kept: list[tuple[float, Holdings]] = []


def holdings() -> Holdings:
    """At most half a minute old, or a hundred times what counting takes. Raises PyMongoError."""
    with _lock:
        if _kept and time.monotonic() < _kept[0][0]:
            return _kept[0][1]
    began = time.monotonic()
    counted = count()
    ended = time.monotonic()
    with _lock:
        _kept[:] = [(ended + max(KEPT_SECONDS, REST * (ended - began)), counted)]
    return counted


def forget() -> None:
    """Drops the answer that this process keeps."""
    with _lock:
        _kept.clear()


def count() -> Holdings:
    """Counts anew. Raises PyMongoError."""
    media = _in_time(_media) or {}
    return Holdings(
        counted_at=now(),
        titles={kind: Title.objects(kind=kind).count() for kind in _TITLES},
        media=media.get("count"),
        ready=_in_time(_ready),
        sources=media.get("sources"),
        streams=media.get("streams"),
        work=_in_time(_work),
    )


def _in_time(counted: Any) -> Any:
    try:
        return counted()
    except ExecutionTimeout:
        return None


def _media() -> dict[str, int]:
    """All of it from one index: no row is read."""
    rows = stored.collection(Media).aggregate(
        [
            {"$match": {"size": {"$gte": 0}}},
            {
                "$group": {
                    "_id": None,
                    "count": {"$sum": 1},
                    "sources": {"$sum": "$size"},
                    "streams": {"$sum": "$stream_size"},
                }
            },
        ],
        maxTimeMS=LONGEST_MS,
    )
    return next(iter(rows), {"count": 0, "sources": 0, "streams": 0})


def _ready() -> int:
    found: int = stored.collection(Media).count_documents(
        {"master_key": {"$gt": ""}}, maxTimeMS=LONGEST_MS
    )
    return found


def _work() -> int:
    unfinished = {"status": {"$in": [Status.waiting.value, Status.active.value]}}
    over = {
        "status": {"$in": [Status.failed.value, Status.cancelled.value]},
        "finished_at": {"$gte": now() - WORK_KEPT},
    }
    rows = stored.collection(TranscodeJob).aggregate(
        [
            {"$match": {"$or": [unfinished, over]}},
            {"$group": {"_id": None, "size": {"$sum": {"$sum": "$renditions.size"}}}},
        ],
        maxTimeMS=LONGEST_MS,
    )
    return int(next(iter(rows), {"size": 0})["size"])
