"""Transitions of many units at once: those of ``tasks.lifecycle``, in few round trips.

Each unit is still changed by a conditional update of its own; the functions answer with those that
were, and whoever asked finds out by ``tasks.lifecycle`` why another was not.
"""

from collections.abc import Iterable, Mapping, Sequence

from tasks import lifecycle, queue
from tasks.announce import announce_many
from tasks.errors import WorkError
from tasks.models import UNFINISHED, Status, Step, TranscodeJob, UploadJob, WorkUnit
from tasks.transition import Change, Row, apply_many, move_many

_UNFINISHED = [status.value for status in UNFINISHED]


def retry(unit_cls: type[WorkUnit], job_ids: Iterable[str], who: str, why: str) -> list[Row]:
    """As ``lifecycle.retry``: the new messages are for ``tasks.advance``."""
    changes = [lifecycle.retrying(unit_cls, job_id, why) for job_id in job_ids]
    return move_many(unit_cls, changes, Status.waiting, who=who, event="jobRetried")


def resume(parts: Mapping[str, Sequence[str]], who: str) -> list[Row]:
    """As ``lifecycle.resume``, of jobs and the parts for whose sake."""
    changes = [lifecycle.resuming(job_id, names, who) for job_id, names in parts.items()]
    return move_many(TranscodeJob, changes, Status.waiting, who=who)


def cancel(unit_cls: type[WorkUnit], job_ids: Iterable[str], who: str, why: str) -> list[Row]:
    """As ``lifecycle.cancel``: with transcode jobs all that belongs to them."""
    changes = [lifecycle.cancelling(job_id, why) for job_id in job_ids]
    cancelled = move_many(unit_cls, changes, Status.cancelled, who=who)
    if unit_cls is TranscodeJob:
        cancel_children([job["job_id"] for job in cancelled], who, "Its job was cancelled.")
    return cancelled


def cancel_children(job_ids: Sequence[str], who: str, why: str) -> None:
    """Cancels every unfinished step and upload of the jobs."""
    unfinished = {"transcode_id": {"$in": list(job_ids)}, "status": {"$in": _UNFINISHED}}
    for child_cls in (Step, UploadJob):
        children = child_cls._get_collection().find(unfinished, {"job_id": 1})
        cancel(child_cls, [child["job_id"] for child in children], who, why)


def activate(job_ids: Iterable[str]) -> None:
    """As ``lifecycle.activate``."""
    changes = [
        Change({"job_id": job_id, "status": Status.waiting.value}, lifecycle.ACTIVATED)
        for job_id in job_ids
    ]
    move_many(TranscodeJob, changes, Status.active, who="dailies", line=lifecycle.ATTEMPT)


def fail_jobs(errors: Mapping[str, WorkError]) -> None:
    """As ``lifecycle.fail_job``."""
    changes = [lifecycle.failing(job_id, error) for job_id, error in errors.items()]
    move_many(TranscodeJob, changes, Status.failed, who="dailies")


def enqueue(unit_cls: type[WorkUnit], job_ids: Iterable[str]) -> None:
    """As ``lifecycle.enqueue``."""
    changes = [lifecycle.enqueuing(job_id, queue.new_message_id()) for job_id in job_ids]
    rows = apply_many(unit_cls, changes)
    queue.send_many([(row["queue_name"], row["job_id"], row["message_id"]) for row in rows])


def remove(unit_cls: type[WorkUnit], rows: Sequence[Row]) -> list[str]:
    """As ``lifecycle.remove``: deletes the rows of those that are finished; their ids."""
    there = {"job_id": {"$in": [row["job_id"] for row in rows]}}
    collection = unit_cls._get_collection()
    collection.delete_many({**there, "status": {"$nin": _UNFINISHED}})
    left = {row["job_id"] for row in collection.find(there, {"job_id": 1})}
    gone = [row for row in rows if row["job_id"] not in left]
    announce_many(unit_cls, gone, "jobDeleted")
    return [row["job_id"] for row in gone]
