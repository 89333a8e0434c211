"""What the templates of videos are given, at the first paint and live alike."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from tasks import streams
from tasks.listing.cursor import Cursor
from tasks.models import Media, Stream, StreamState, TranscodeJob
from tasks.models.audit_entry import AuditEntry
from webapp import format as say
from webapp.pages import shelf
from webapp.pages.jobs import job_context
from webapp.pages.jobs.job_list import MEDIA_FIELDS, ROW_FIELDS, SEARCH_LENGTH
from webapp.pages.jobs.job_view import row as row_of
from webapp.title_names import names_of, titles_of
from webapp.urls import media_url

#: Jobs and lines of history that are listed, the newest first.
JOBS_SHOWN, HISTORY_SHOWN = 10, 10
#: Videos of a page of the list.
PAGE_SIZE = 50

_STATES = {
    StreamState.building: ("active", "Being made"),
    StreamState.live: ("completed", "Live"),
    StreamState.retired: ("waiting", "Retired"),
}
_ACTIONS = {
    "change": "changed it",
    "replace source": "replaced the source",
    "share": "made a link",
    "revoke share": "ended a link",
    "stream.publish": "published a stream",
}


@dataclass(frozen=True)
class StreamRow:
    """A stream, ready to be shown; ``at`` is since when it is in its state."""

    id: str
    dot: str
    word: str
    at: datetime | None
    quality: str
    size: int
    settings: str
    job_id: str | None
    publishable: bool


def context(media: Media) -> dict[str, Any]:
    """Everything that changes on a video's page while somebody looks at it."""
    name, kind_line = names_of(media)
    jobs = TranscodeJob.objects(media_id=media.media_id).only(*ROW_FIELDS)
    lines = AuditEntry.objects(kind="media", target=media.media_id).order_by("-at")
    return {
        "media": media,
        "media_id": media.media_id,
        "name": name,
        "kind_line": kind_line,
        "player": job_context.player(media, name) if media.master_key else None,
        "streams": [_stream(row) for row in streams.of_media(media)],
        "renditions": shelf.rungs(media),
        "rows": [row_of(job, media, {}) for job in jobs.order_by("-created_at").limit(JOBS_SHOWN)],
        "history": [
            {"at": line.at, "who": line.who, "what": _ACTIONS.get(line.action, line.action)}
            for line in lines.limit(HISTORY_SHOWN)
        ],
        "facts": [
            ("Length", say.clock(media.duration)),
            ("Quality", ", ".join(shelf.rungs(media)) or say.NOTHING),
            ("File", media.filename),
            ("Size", say.size(media.size)),
            ("Put in by", media.uploaded_by or say.NOTHING),
            ("Key", media.source_key),
            ("Id", media.media_id),
        ],
    }


def list_context(search: str, before: str | None) -> dict[str, Any]:
    """A page of all videos, the newest first, of those whose name has the words of ``search``."""
    search = search.strip()[:SEARCH_LENGTH]
    conditions: list[dict[str, Any]] = [shelf.named(search)] if search else []
    if (place := shelf.place_of(before)) is not None:
        tie = {"created_at": place.value, "media_id": {"$lt": place.job_id}}
        conditions.append({"$or": [{"created_at": {"$lt": place.value}}, tie]})
    rows = Media.objects(__raw__={"$and": conditions} if conditions else {}).only(*MEDIA_FIELDS)
    found = list(rows.order_by("-created_at", "-media_id").limit(PAGE_SIZE + 1))
    shown = found[:PAGE_SIZE]
    titles = titles_of(shown)
    older = None
    if len(found) > PAGE_SIZE:
        last = Cursor(shown[-1].created_at, shown[-1].media_id).encode()
        values = {"q": search, "before": last}
        older = f"/videos?{urlencode({name: value for name, value in values.items() if value})}"
    return {
        "videos": [
            (media, *names_of(media, titles), media_url(media.poster_key or "")) for media in shown
        ],
        "search": search,
        "older": older,
    }


def _stream(stream: Stream) -> StreamRow:
    dot, word = _STATES[StreamState(stream.state)]
    names = [str(rendition.get("name")) for rendition in stream.renditions]
    rungs = [name for name in names if name[:1].isdigit()]
    complete = stream.complete_at is not None
    return StreamRow(
        id=stream.stream_id,
        dot=dot,
        word=word if complete or stream.state == StreamState.building else "Incomplete",
        at=stream.retired_at or stream.published_at or stream.created_at,
        quality=", ".join(sorted(rungs, key=_height, reverse=True)),
        size=stream.size or 0,
        settings=", ".join(f"{name} {value}" for name, value in (stream.settings or {}).items()),
        job_id=stream.job_id,
        publishable=complete and stream.state == StreamState.retired,
    )


def _height(name: str) -> int:
    digits = name.removesuffix("p")
    return int(digits) if digits.isdigit() else 0
