"""Looks through the bucket now and then, and keeps what was found for everybody to read.

A look lists folders and may take long, so it has a thread and a lock of its own: nothing else waits
for it. Pages and the API only read what the last look found.
"""

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from datetime import datetime

import redis
from pymongo.errors import PyMongoError

from tasks.errors import StorageFailed
from tasks.infra import ownership
from tasks.infra.lock import Lock
from tasks.infra.redis_client import get_redis
from tasks.infra.storage import get_storage
from tasks.jobs.lifecycle import Conflict
from tasks.models import Media, Stream
from tasks.models.clock import now
from tasks.recovery import orphans, repairs
from tasks.recovery.orphans import Orphan
from tasks.recovery.verdict import RowState
from tasks.removal.videos import finish_deletions, remove_former_sources

log = logging.getLogger(__name__)

#: Seconds between two looks.
LOOK_SECONDS = 600.0
#: Seconds until the next try where a server was away.
RETRY_SECONDS = 10.0
#: Seconds between two looks at whether there is something to do.
PAUSE_SECONDS = 2.0
#: Seconds for which the lock is held between two batches of folders.
HELD_SECONDS = 120.0
LOCK = "dailies:bucket-look"
#: Where the last look is kept, and for how many seconds.
KEPT_KEY = "dailies:orphans"
KEPT_SECONDS = 86_400
#: Orphans that are kept to be shown; all are counted.
MOST_KEPT = 500
#: The share of the bucket that may be removed at once.
MOST_SHARE = 0.1


@dataclass(frozen=True)
class Look:
    """The last look: ``orphans`` are the first of ``total``.

    ``folders`` and ``size`` (in bytes) are of everything of this installation that lies in the
    bucket, as folders listed and as rows and orphans add up to.
    """

    looked_at: datetime
    orphans: list[Orphan]
    total: int
    folders: int = 0
    size: int = 0


@dataclass(frozen=True)
class Unused:
    """What an admin may remove at once: how many orphans by kind, and their size in bytes.

    ``refusal`` says why not; "" where it is allowed.
    """

    orphans: list[Orphan] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)
    size: int = 0
    refusal: str = ""


def look(beat: Callable[[], None] = lambda: None) -> Look:
    """Looks through the bucket, removes what the rules remove by themselves, and keeps the rest.

    ``beat`` is called now and then. Raises StorageFailed, PyMongoError, redis.RedisError.
    """
    folders = 0

    def seen(batch: Collection[str]) -> None:
        nonlocal folders
        folders += len(batch)
        beat()

    left = []
    for orphan in orphans.find_orphans(seen):
        if not (orphan.rule.by_itself and orphans.remove(orphan, repairs.RECONCILER) is not None):
            left.append(orphan)
    size = _size_of_rows() + sum(orphan.size for orphan in left)
    found = Look(now(), left[:MOST_KEPT], len(left), folders, size)
    _keep(found)
    return found


def kept() -> Look | None:
    """The last look; None where there was none within a day. Raises redis.RedisError."""
    text = get_redis().get(KEPT_KEY)
    if text is None:
        return None
    value = json.loads(text)
    return Look(
        looked_at=datetime.fromisoformat(value["at"]),
        orphans=[Orphan(**entry) for entry in value["orphans"]],
        total=value["total"],
        folders=value["folders"],
        size=value["size"],
    )


def remove(orphan: Orphan, who: str) -> str | None:
    """Removes one orphan, and what the last look says of it; None where nothing was to do.

    Raises Conflict where the database is empty, NotOwner, StorageFailed, PyMongoError,
    redis.RedisError.
    """
    if orphan.row == RowState.none and _no_rows():
        raise Conflict(_EMPTY)
    done = orphans.remove(orphan, who)
    last = kept()
    if last is not None:
        rest = [one for one in last.orphans if (one.kind, one.ref) != (orphan.kind, orphan.ref)]
        gone = len(last.orphans) - len(rest)
        _keep(Look(last.looked_at, rest, last.total - gone, last.folders, last.size))
    return done


def unused(last: Look | None) -> Unused:
    """What of the last look a person may remove, all at once. Raises PyMongoError."""
    removable = [one for one in last.orphans if not one.rule.by_itself] if last else []
    if last is None or not removable:
        return Unused()
    size = sum(one.size for one in removable)
    kinds = dict(Counter(one.kind for one in removable))
    refusal = ""
    if _no_rows():
        refusal = _EMPTY
    else:
        count = sum(one.kind != "upload" for one in removable)
        share = max(count / max(1, last.folders), size / max(1, last.size))
        if share > MOST_SHARE:
            refusal = (
                f"This is {share:.0%} of what lies in the bucket, more than a tenth: it is not "
                "removed at once. Look at each, and remove it by itself."
            )
    return Unused(removable, kinds, size, refusal)


_EMPTY = (
    "The database has no videos: nothing in the bucket is removed. Is MONGO_URL the database that "
    "this bucket belongs to?"
)


def _no_rows() -> bool:
    return Media.objects.only("media_id").first() is None


def _size_of_rows() -> int:
    total = 0
    for model in (Media, Stream):
        total += int(model.objects.sum("size"))
    return total


def _keep(found: Look) -> None:
    value = {
        "at": found.looked_at.isoformat(),
        "total": found.total,
        "folders": found.folders,
        "size": found.size,
        "orphans": [asdict(orphan) for orphan in found.orphans],
    }
    get_redis().set(KEPT_KEY, json.dumps(value), ex=KEPT_SECONDS)


class Watch(threading.Thread):
    """Removes deleted videos, and looks every ``LOOK_SECONDS``, until ``stop`` is set.

    Of several processes one acts.
    """

    def __init__(self, stop: threading.Event) -> None:
        super().__init__(name="bucket-look", daemon=True)
        self._stop_asked = stop
        self._lock = Lock(LOCK, HELD_SECONDS)
        self._prepared = False

    def run(self) -> None:
        """Returns after ``stop`` is set."""
        while not self._stop_asked.is_set():
            pause = RETRY_SECONDS
            try:
                pause = self.once()
            except _Stopping:
                return
            except (redis.RedisError, PyMongoError, StorageFailed) as error:
                log.warning("bucket not looked at, the next try in %g s: %s", pause, error)
            except Exception:
                log.exception("bucket not looked at, the next try in %g s", pause)
            self._stop_asked.wait(pause)

    def once(self) -> float:
        """Goes on with deletions, and looks where a look is due; returns the seconds to wait.

        Raises StorageFailed, PyMongoError, redis.RedisError.
        """
        if not self._prepared:
            storage = get_storage()
            storage.ensure_bucket()
            ownership.confirm(storage)
            self._prepared = True
        if not self._lock.hold():
            return PAUSE_SECONDS
        finish_deletions(self._beat)
        remove_former_sources()
        last = kept()
        if last is None or (now() - last.looked_at).total_seconds() >= LOOK_SECONDS:
            look(self._beat)
        return PAUSE_SECONDS

    def _beat(self) -> None:
        if self._stop_asked.is_set():
            raise _Stopping
        self._lock.hold()


class _Stopping(Exception):
    """The process ends."""
