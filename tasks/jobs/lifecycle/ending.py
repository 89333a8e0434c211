"""Units are cancelled."""

import logging

from tasks.errors import Category
from tasks.jobs.lifecycle.fields import OPEN_LEASE, UNFINISHED
from tasks.jobs.lifecycle.refusals import Conflict, find
from tasks.jobs.transition import Change, Unit, literal, move
from tasks.models import Status, Step, TranscodeJob, UploadJob

log = logging.getLogger(__name__)


def cancelling(job_id: str, why: str) -> Change:
    """A waiting or active unit ends."""
    return Change(
        {"job_id": job_id, "status": {"$in": UNFINISHED}, "can_cancel": {"$ne": False}},
        {
            "cancelled_at": "$$NOW",
            "finished_at": "$$NOW",
            "message_id": None,
            "next_attempt_at": None,
            "waits_for": None,
            "failed_reason": Category.cancelled.value,
            "error_message": literal(why),
            **OPEN_LEASE,
        },
        why,
    )


def cancel(unit_cls: type[Unit], job_id: str, who: str, why: str = "") -> Unit:
    """Ends a waiting or active unit, and with a transcode job all that belongs to it.

    A worker notices within a second or so that its lease is gone, and stops. Raises NotFound,
    Conflict.
    """
    change = cancelling(job_id, why or f"Cancelled by {who}.")
    unit = move(
        unit_cls, change.query, Status.cancelled, who=who, why=change.why, fields=change.fields
    )
    if unit is None:
        existing = find(unit_cls, job_id)
        if existing.finished:
            raise Conflict(f"This job is {existing.status}: only an unfinished one is cancelled.")
        raise Conflict("This job cannot be cancelled at this point.")
    if unit_cls is TranscodeJob:
        cancel_children(job_id, who, why="Its job was cancelled.")
    return unit


def cancel_children(job_id: str, who: str, why: str) -> None:
    """Cancels every unfinished step and upload of a job."""
    for child_cls in (Step, UploadJob):
        for child in child_cls.objects(transcode_id=job_id, status__in=UNFINISHED).only("job_id"):
            try:
                cancel(child_cls, child.job_id, who, why)
            except Conflict:
                log.info("%s finished before it could be cancelled", child.job_id)
