"""Transitions by which finished units wait again.

Not called ``retry``: the package has a function of that name.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tasks.jobs.allowed import Action
from tasks.jobs.lifecycle.fields import NO_ERROR, NOT_HELD, OPEN_LEASE, over_and_not_cleaned
from tasks.jobs.lifecycle.refusals import the_one
from tasks.jobs.transition import Change, Row, Unit, literal, move, move_one
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


def _from_start(unit_cls: type[WorkUnit]) -> dict[str, Any]:
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
    return fields


def retry_many(
    unit_cls: type[WorkUnit], job_ids: Iterable[str], who: str, why: str = ""
) -> list[Row]:
    """Lets failed or cancelled units wait again, and keeps finished work; the rows that wait.

    Retried steps and uploads of a waiting transcode job, and new messages, are for
    ``tasks.jobs.advance``.
    """
    why = why or f"Retried by {who}."
    changes = [
        Change(over_and_not_cleaned(job_id), _from_start(unit_cls), why) for job_id in job_ids
    ]
    return move(unit_cls, changes, Status.waiting, who=who, event="jobRetried")


def retry(unit_cls: type[Unit], job_id: str, who: str) -> Unit:
    """``retry_many`` of one unit. Raises NotFound, Conflict."""
    return the_one(unit_cls, Action.retry, job_id, retry_many(unit_cls, [job_id], who))


def resume(parts: Mapping[str, Sequence[str]], who: str) -> list[Row]:
    """Lets failed or cancelled jobs wait again for the sake of some of their parts.

    ``parts``: job id → ids of its parts. The rows of those that were finished; the parts of the
    others can go on without. The caller then calls ``tasks.jobs.advance``.
    """
    changes = []
    for job_id, ids in parts.items():
        names = ", ".join(part.removeprefix(f"{job_id}.") for part in ids)
        fields = {
            "finished_at": None,
            "cancelled_at": None,
            "retrying": True,
            "retry_only": literal(list(ids)),
            **NOT_HELD,
            **NO_ERROR,
        }
        why = f"Resumed by {who} for {names}."
        changes.append(Change(over_and_not_cleaned(job_id), fields, why))
    return move(TranscodeJob, changes, Status.waiting, who=who)


def redo(unit: Unit, why: str, *, anew: bool = False) -> Unit | None:
    """A completed step or upload whose output cannot be used waits again.

    ``anew``: nothing of a step's can be used; otherwise its next attempt keeps what is still there.
    """
    query = {"job_id": unit.job_id, "status": Status.completed.value, "last_op": unit.last_op}
    done: dict[str, Any] = {"files_done": 0, "bytes_done": 0}
    if isinstance(unit, Step):
        done = {"frames_done": 0}
        if anew:
            done |= {"part": literal({}), "result": literal({})}
    fields = {"message_id": None, "progress": 0.0, "finished_at": None, **done}
    return move_one(type(unit), Change(query, fields, why), Status.waiting, who="dailies")
