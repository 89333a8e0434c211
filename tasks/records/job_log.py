"""The log of transcode jobs (``transcode_job_log``): written by the pipeline, read by people.

Rows say what is; a history says which states a row went through. The log says what was found and
done on the way: the source, the ladder, each chunk, each retry with ffmpeg's last words. It
outlives its job's row, since a job that is gone is what people ask about.

Writing is one short write that never fails the work and never waits long for a server that is away.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pymongo
from bson import ObjectId
from pymongo.errors import PyMongoError

from tasks.infra.database import server_time
from tasks.models import FINISHED, JobLogLine, TranscodeJob, WorkUnit
from tasks.records.job_log_text import INFO, Line, line_of, line_of_row
from tasks.settings import get_settings

log = logging.getLogger(__name__)

#: Lines of a job that are kept when it ends; the oldest go first.
LINES_KEPT = 5_000
#: Characters of a message and of a detail that are kept.
MESSAGE_KEPT = 1_000
DETAIL_KEPT = 16_000
#: Seconds that one write may take, and seconds without another try after one that took longer.
PATIENCE = 1.0
PAUSE_SECONDS = 5.0

_hangs_until = 0.0


def note(job_id: str, step: str, message: str, *, level: str = "info", detail: str = "") -> None:
    """Adds a line to a transcode job's log, dated by the database server."""
    _write(job_id, Line(step, level, message, detail), None)


def note_many(job_ids: Collection[str], step: str, message: str) -> None:
    """Adds the same line to the logs of many transcode jobs."""
    if not job_ids:
        return
    line = Line(step, INFO, message)

    def write() -> None:
        at = server_time()
        times = {"at": at, "expires_at": at + _kept()}
        JobLogLine._get_collection().insert_many(
            [_fields(job_id, line) | times for job_id in job_ids], ordered=False
        )

    _patiently(write)


def transition(unit: WorkUnit) -> None:
    """Adds a line about the change of state that a row has just gone through, if it is worth one.

    ``unit`` is a transcode job or a part of one, as it is now; of anything else nothing is noted.
    """
    job_id = unit.job_id if isinstance(unit, TranscodeJob) else unit.parent_id
    if job_id is None or not unit.history:
        return
    last = unit.history[-1]
    line = line_of(unit, last.who, last.why)
    if line is not None:
        _write(job_id, line, last.at)
    if isinstance(unit, TranscodeJob) and unit.status in FINISHED:
        _trim(job_id)


def transitions(
    unit_cls: type[WorkUnit],
    rows: Sequence[Mapping[str, Any]],
    who: str,
    whys: Mapping[str, str],
    at: datetime,
    *,
    stayed: bool = False,
) -> None:
    """``transition`` for rows that went the same way at a time (UTC); ``whys`` is by job id.

    ``stayed``: something was done to them that left their state.
    """
    own = "job_id" if unit_cls is TranscodeJob else "transcode_id"
    documents = []
    for row in rows:
        why = whys[row["job_id"]]
        line = line_of_row(unit_cls, row, who, why, stayed=stayed)
        if line is not None and row.get(own):
            documents.append(_fields(row[own], line) | {"at": at, "expires_at": at + _kept()})
    if documents:
        _patiently(lambda: JobLogLine._get_collection().insert_many(documents, ordered=False))


def _write(job_id: str, line: Line, at: datetime | None) -> None:
    # An upsert by a pipeline, since only there the server's clock has a name. A text may begin
    # with $.
    fields = {name: {"$literal": value} for name, value in _fields(job_id, line).items()}
    milliseconds = int(_kept().total_seconds() * 1000)
    times = {"at": at or "$$NOW", "expires_at": {"$add": ["$$NOW", milliseconds]}}
    update = [{"$set": {**fields, **times}}]
    _patiently(
        lambda: JobLogLine._get_collection().update_one({"_id": ObjectId()}, update, upsert=True)
    )


def _fields(job_id: str, line: Line) -> dict[str, Any]:
    fields = {
        "job_id": job_id,
        "level": line.level,
        "step": line.step,
        "message": line.message[:MESSAGE_KEPT],
    }
    return fields | ({"detail": line.detail[-DETAIL_KEPT:]} if line.detail else {})


def _kept() -> timedelta:
    return timedelta(days=get_settings().job_log_days)


def _patiently(write: Callable[[], object]) -> None:
    global _hangs_until
    if time.monotonic() < _hangs_until:
        return
    try:
        with pymongo.timeout(PATIENCE):
            write()
    except PyMongoError as error:
        _hangs_until = time.monotonic() + PAUSE_SECONDS
        log.warning("no lines of job logs for %g s: %s", PAUSE_SECONDS, error)


def _trim(job_id: str) -> None:
    """Removes the oldest lines of a job that has more than are kept."""
    collection = JobLogLine._get_collection()
    newest_first = [("at", -1), ("_id", -1)]
    try:
        with pymongo.timeout(PATIENCE):
            beyond = list(
                collection.find({"job_id": job_id}, {"at": 1})
                .sort(newest_first)
                .skip(LINES_KEPT)
                .limit(1)
            )
            if beyond:
                collection.delete_many({"job_id": job_id, "at": {"$lte": beyond[0]["at"]}})
    except PyMongoError as error:
        log.warning("the log of %s was not trimmed: %s", job_id, error)
