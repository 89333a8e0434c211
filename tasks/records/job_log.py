"""The log of transcode jobs (``transcode_job_log``): written by the pipeline, read by people.

Rows say what is; a history says which states a row went through. The log says what was found and
done on the way: the source, the ladder, each chunk, each retry with ffmpeg's last words. It
outlives its job's row, since a job that is gone is what people ask about.

Writing is one short write that never fails the work and never waits long for a server that is away.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pymongo
from bson import ObjectId
from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from tasks.models import FINISHED, JobLogLine, TranscodeJob, WorkUnit, stored
from tasks.records.job_log_text import Line, line_of
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
    note_many([job_id], Line(step, level, message, detail))


def note_many(job_ids: Collection[str], line: Line) -> None:
    """Adds the same line to the logs of many transcode jobs."""
    # Upserts by a pipeline, since only there the server's clock has a name. A text may begin
    # with $.
    times = {"at": "$$NOW", "expires_at": {"$add": ["$$NOW", _kept() // timedelta(milliseconds=1)]}}
    writes = []
    for job_id in job_ids:
        fields = {name: {"$literal": value} for name, value in _fields(job_id, line).items()}
        writes.append(UpdateOne({"_id": ObjectId()}, [{"$set": {**fields, **times}}], upsert=True))
    if writes:
        _patiently(lambda: stored.collection(JobLogLine).bulk_write(writes, ordered=False))


def transitions(
    unit_cls: type[WorkUnit],
    rows: Sequence[Mapping[str, Any]],
    who: str,
    whys: Mapping[str, str],
    *,
    stayed: bool = False,
) -> None:
    """Adds lines about changes of state that rows have just gone through, if they are worth one.

    ``rows`` are of transcode jobs or parts of one, as they are now; of anything else nothing is
    noted. ``whys`` is by job id. ``stayed``: something was done to them that left their state.
    """
    own = "job_id" if unit_cls is TranscodeJob else "transcode_id"
    documents = []
    for row in rows:
        line = line_of(unit_cls, row, who, whys[row["job_id"]], stayed=stayed)
        if line is not None and row.get(own):
            at = row["updated_at"]
            documents.append(_fields(row[own], line) | {"at": at, "expires_at": at + _kept()})
    if documents:
        _patiently(lambda: stored.collection(JobLogLine).insert_many(documents, ordered=False))
    if unit_cls is TranscodeJob:
        _trim([row["job_id"] for row in rows if row["status"] in FINISHED])


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


def _trim(job_ids: Sequence[str]) -> None:
    """Removes the oldest lines of jobs that have more than are kept."""
    if not job_ids:
        return
    collection = stored.collection(JobLogLine)
    lines = {"$group": {"_id": "$job_id", "lines": {"$sum": 1}}}
    many = {"$match": {"lines": {"$gt": LINES_KEPT}}}
    try:
        with pymongo.timeout(PATIENCE):
            of_jobs = {"$match": {"job_id": {"$in": list(job_ids)}}}
            for group in collection.aggregate([of_jobs, lines, many]):
                of_job = {"job_id": group["_id"]}
                newest = collection.find(of_job, {"at": 1}).sort([("at", -1), ("_id", -1)])
                for line in newest.skip(LINES_KEPT).limit(1):
                    collection.delete_many({**of_job, "at": {"$lte": line["at"]}})
    except PyMongoError as error:
        log.warning("the logs of %d jobs were not trimmed: %s", len(job_ids), error)
