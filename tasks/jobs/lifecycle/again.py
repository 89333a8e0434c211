"""Units that were over wait again."""

import uuid
from collections.abc import Sequence
from typing import Any

from tasks.feed.announce import announce
from tasks.jobs.lifecycle.fields import NO_ERROR, NOT_HELD, OPEN_LEASE, OVER, over_and_not_cleaned
from tasks.jobs.lifecycle.refusals import BEING_REMOVED, Conflict, find
from tasks.jobs.transition import Change, Unit, literal, move
from tasks.models import Status, Step, TranscodeJob, UploadJob, WorkUnit

_FROM_START: dict[str, Any] = {
    "attempt": 0,
    "lost": 0,
    "lost_in_a_row": 0,
    "progress": 0.0,
    "message_id": None,
    "next_attempt_at": None,
    "cancelled_at": None,
    "started_at": None,
    "finished_at": None,
    **OPEN_LEASE,
    **NO_ERROR,
}


def retrying(unit_cls: type[WorkUnit], job_id: str, why: str) -> Change:
    """A failed or cancelled unit waits again, with all it knows."""
    fields = dict(_FROM_START)
    if unit_cls is TranscodeJob:
        # A job's attempts are counted through; its parts start again.
        for name in ("attempt", "lost", "lost_in_a_row"):
            fields.pop(name)
        fields |= {"eta_seconds": None, "speed": None, "phases": literal({}), "detail": ""}
        fields |= {"retrying": True, "retry_only": literal([])}
    if unit_cls is Step:
        fields["frames_done"] = 0
    else:
        fields["client_id"] = str(uuid.uuid4())
    if unit_cls in (TranscodeJob, UploadJob):
        fields |= NOT_HELD
    return Change(over_and_not_cleaned(job_id), fields, why)


def retry(unit_cls: type[Unit], job_id: str, who: str) -> Unit:
    """Lets a failed or cancelled unit wait again, with all it knows; finished work is kept.

    A transcode job that waits again is what lets its failed steps and uploads wait again: that,
    and the new messages, are for ``tasks.jobs.advance``. Raises NotFound, Conflict.
    """
    change = retrying(unit_cls, job_id, f"Retried by {who}.")
    unit = move(
        unit_cls, change.query, Status.waiting, who=who, why=change.why, fields=change.fields
    )
    if unit is None:
        existing = find(unit_cls, job_id)
        if existing.status in OVER:
            raise Conflict(BEING_REMOVED)
        raise Conflict(f"This job is {existing.status}: only a failed or cancelled one is retried.")
    announce(unit, "jobRetried", reason=f"Retried by {who}.")
    return unit


def resuming(job_id: str, parts: Sequence[str], who: str) -> Change:
    """A failed or cancelled job waits again for the sake of some of its parts."""
    names = ", ".join(part.removeprefix(f"{job_id}.") for part in parts)
    return Change(
        over_and_not_cleaned(job_id),
        {
            "finished_at": None,
            "cancelled_at": None,
            "retrying": True,
            "retry_only": literal(list(parts)),
            **NOT_HELD,
            **NO_ERROR,
        },
        f"Resumed by {who} for {names}.",
    )


def resume(job_id: str, part: str, who: str) -> TranscodeJob | None:
    """Lets a failed or cancelled job wait again for the sake of one of its parts.

    None where the job is not over, so that the part can go on without. The caller then calls
    ``tasks.jobs.advance``.
    """
    change = resuming(job_id, [part], who)
    return move(
        TranscodeJob,
        change.query,
        Status.waiting,
        who=who,
        why=change.why,
        fields=change.fields,
    )


def redo(unit: Unit, why: str) -> Unit | None:
    """A completed step or upload whose output cannot be used waits again."""
    done = {"frames_done": 0} if isinstance(unit, Step) else {"files_done": 0, "bytes_done": 0}
    return move(
        type(unit),
        {"job_id": unit.job_id, "status": Status.completed.value, "last_op": unit.last_op},
        Status.waiting,
        who="dailies",
        why=why,
        fields={"message_id": None, "progress": 0.0, "finished_at": None, **done},
    )
