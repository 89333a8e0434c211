"""Reads the log of transcode jobs, by pages."""

from datetime import datetime
from typing import Any

from tasks.listing.cursor import Cursor
from tasks.models import JobLogLine

#: Lines that a page of the API has at most.
LIMIT = 1_000


def page(
    job_id: str, *, limit: int, after: str | None = None, level: str | None = None
) -> tuple[list[JobLogLine], str | None]:
    """Lines of a job, oldest first, and the place of the next page, None on the last.

    Raises BadCursor.
    """
    conditions: dict[str, Any] = {"job_id": job_id}
    if level is not None:
        conditions["level"] = level
    if after is not None:
        conditions["$or"] = _beyond(after)
    found = list(JobLogLine.objects(__raw__=conditions).order_by("at", "id").limit(limit + 1))
    last = found[limit - 1] if len(found) > limit else None
    return found[:limit], Cursor(last.at, str(last.id)).encode() if last is not None else None


def latest(job_id: str, count: int) -> list[JobLogLine]:
    """The last lines of a job, oldest first."""
    return list(JobLogLine.objects(job_id=job_id).order_by("-at", "-id").limit(count))[::-1]


def _beyond(after: str) -> list[dict[str, Any]]:
    place = Cursor.decode(after, datetime)
    return [{"at": {"$gt": place.value}}, {"at": place.value, "_id": {"$gt": place.object_id}}]
