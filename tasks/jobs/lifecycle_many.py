"""Transitions of many units at once: those of ``tasks.jobs.lifecycle``, in few round trips.

Each unit is still changed by a conditional update of its own; the functions answer with those that
were, and whoever asked finds out by ``tasks.jobs.lifecycle`` why another was not.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tasks.errors import WorkError
from tasks.feed.announce import announce_many
from tasks.jobs import lifecycle
from tasks.jobs.transition import Change, Row, apply_many, move_many
from tasks.models import UNFINISHED, Status, Step, TranscodeJob, UploadJob, WorkUnit
from tasks.queue import broker

_UNFINISHED = [status.value for status in UNFINISHED]


def retry(unit_cls: type[WorkUnit], job_ids: Iterable[str], who: str, why: str) -> list[Row]:
    """As ``lifecycle.retry``: the new messages are for ``tasks.jobs.advance``."""
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
    changes = [lifecycle.enqueuing(job_id, broker.new_message_id()) for job_id in job_ids]
    rows = apply_many(unit_cls, changes)
    broker.send_many([(row["queue_name"], row["job_id"], row["message_id"]) for row in rows])


def hold(
    unit_cls: type[WorkUnit], job_ids: Iterable[str], statuses: Iterable[Status], word: str
) -> list[Row]:
    """Keeps finished units from being retried meanwhile, for ten minutes; those that are held.

    Whoever has the ``word`` may hold them again, so that it goes on after a worker was lost.
    """
    allowed = list(statuses)
    return apply_many(unit_cls, [lifecycle.holding(job_id, allowed, word) for job_id in job_ids])


def let_go(unit_cls: type[WorkUnit], job_ids: Iterable[str], word: str) -> None:
    """Leaves units as they are that were held."""
    apply_many(unit_cls, [lifecycle.letting_go(job_id, word) for job_id in job_ids])


def end_cleanup(
    unit_cls: type[WorkUnit],
    held: Iterable[Row],
    word: str,
    who: str,
    whys: Mapping[str, str],
    fields: Mapping[str, Any],
) -> None:
    """Writes what is left of units that were held and cleaned up; ``whys`` is by job id."""
    changes: dict[Status, list[Change]] = defaultdict(list)
    for row in held:
        status, job_id = Status(row["status"]), row["job_id"]
        changes[status].append(lifecycle.cleaned(job_id, status, word, whys[job_id], fields))
    for status, of_status in changes.items():
        move_many(unit_cls, of_status, status, who=who, event="jobChanged")


def remove(unit_cls: type[WorkUnit], held: Sequence[Row], word: str) -> list[str]:
    """Deletes the rows of finished units that are held; the ids of those that are gone."""
    there = {"job_id": {"$in": [row["job_id"] for row in held]}}
    collection = unit_cls._get_collection()
    collection.delete_many({**there, "status": {"$nin": _UNFINISHED}, "cleaning_by": word})
    left = {row["job_id"] for row in collection.find(there, {"job_id": 1})}
    gone = [row for row in held if row["job_id"] not in left]
    announce_many(unit_cls, gone, "jobDeleted")
    return [row["job_id"] for row in gone]
