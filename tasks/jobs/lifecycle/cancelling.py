"""Transitions that cancel units.

Not called ``cancel``: the package has a function of that name.
"""

from collections.abc import Iterable, Sequence

from tasks.errors import Category
from tasks.jobs.allowed import Action
from tasks.jobs.lifecycle.fields import OPEN_LEASE
from tasks.jobs.lifecycle.refusals import the_one
from tasks.jobs.transition import Change, Row, Unit, literal, move
from tasks.models import UNFINISHED_VALUES, Status, Step, TranscodeJob, UploadJob, WorkUnit, stored


def cancel_many(
    unit_cls: type[WorkUnit], job_ids: Iterable[str], who: str, why: str = ""
) -> list[Row]:
    """Ends waiting or active units, and with transcode jobs their parts; the rows that ended.

    A worker notices within a second or so that its lease is gone, and stops.
    """
    why = why or f"Cancelled by {who}."
    fields = {
        "cancelled_at": "$$NOW",
        "finished_at": "$$NOW",
        "message_id": None,
        "next_attempt_at": None,
        "waits_for": None,
        "failed_reason": Category.cancelled.value,
        "error_message": literal(why),
        **OPEN_LEASE,
    }
    allowed = {"status": {"$in": UNFINISHED_VALUES}, "can_cancel": {"$ne": False}}
    changes = [Change({"job_id": job_id, **allowed}, fields, why) for job_id in job_ids]
    cancelled = move(unit_cls, changes, Status.cancelled, who=who)
    if unit_cls is TranscodeJob and cancelled:
        cancel_children([row["job_id"] for row in cancelled], who, "Its job was cancelled.")
    return cancelled


def cancel(unit_cls: type[Unit], job_id: str, who: str, why: str = "") -> Unit:
    """``cancel_many`` of one unit. Raises NotFound, Conflict."""
    return the_one(unit_cls, Action.cancel, job_id, cancel_many(unit_cls, [job_id], who, why))


def cancel_children(job_ids: Sequence[str], who: str, why: str) -> None:
    """Cancels every unfinished step and upload of transcode jobs."""
    unfinished = {"transcode_id": {"$in": list(job_ids)}, "status": {"$in": UNFINISHED_VALUES}}
    for child_cls in (Step, UploadJob):
        children = stored.collection(child_cls).find(unfinished, {"job_id": 1})
        cancel_many(child_cls, [child["job_id"] for child in children], who, why)
