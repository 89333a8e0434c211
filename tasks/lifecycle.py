"""The state machine: the only code that changes a work unit's status.

``waiting → active → completed | failed | cancelled``, ``active → waiting`` (tried again later, or
its worker was lost), ``failed | cancelled → waiting`` (retried by hand), ``completed → failed``
(its files are missing from the bucket), and for a step alone ``completed → waiting`` (its output
was found unusable).

A transition is one conditional update of one document, judged by the database server's clock, so
that exactly one of several contenders wins, and the others learn that they lost.
"""

import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo.errors import BulkWriteError

from tasks import facets, queue
from tasks.announce import announce
from tasks.errors import Category, WorkError
from tasks.models import FINISHED, Status, Step, TranscodeJob, UploadJob, WorkUnit
from tasks.models.clock import now
from tasks.settings import get_settings
from tasks.transition import Change, Unit, apply, literal, move

log = logging.getLogger(__name__)

#: MongoDB's code for a key that is there already.
_DUPLICATE = 11000


class Conflict(Exception):
    """The unit's state does not allow what was asked; the message says the state."""


class NotFound(Exception):
    """There is no such unit; the message names the id."""


_UNFINISHED = [Status.waiting.value, Status.active.value]
_OVER = [Status.failed.value, Status.cancelled.value]
_NEXT_ATTEMPT = {"$add": [{"$ifNull": ["$attempt", 0]}, 1]}
ATTEMPT = {"$concat": ["attempt ", {"$toString": _NEXT_ATTEMPT}]}
_OPEN_LEASE = {"lease": None}
_NO_ERROR = {"failed_reason": None, "error_message": None, "error_log": None}


def _error_fields(error: WorkError) -> dict[str, Any]:
    return {
        "failed_reason": error.category.value,
        "error_message": literal(error.sentence),
        "error_log": literal(error.log or None),
    }


def create(units: Sequence[WorkUnit], *, who: str, why: str, send: bool = False) -> None:
    """Inserts rows that wait. A row that is there already is left alone.

    ``send``: each gets its message at once; otherwise ``enqueue`` gives it one when it is due.
    """
    documents = []
    moment = now()
    for unit in units:
        unit.status = Status.waiting.value
        unit.created_at = unit.updated_at = moment
        if send:
            unit.message_id, unit.enqueued_at = queue.new_message_id(), moment
        document = unit.to_mongo().to_dict()
        if isinstance(unit, TranscodeJob | UploadJob):
            document |= {"facet": facets.facet(document), "day": facets.day(moment)}
        document["history"] = [
            {"at": moment, "status": Status.waiting.value, "who": who, "why": why}
        ]
        documents.append(document)
    if not documents:
        return
    there: set[int] = set()
    try:
        units[0]._get_collection().insert_many(documents, ordered=False)
    except BulkWriteError as error:
        if any(problem["code"] != _DUPLICATE for problem in error.details["writeErrors"]):
            raise
        there = {problem["index"] for problem in error.details["writeErrors"]}
    for number, unit in enumerate(units):
        if number in there:
            continue
        if not isinstance(unit, Step):
            announce(unit, "jobCreated")
    if send:
        made = [unit for number, unit in enumerate(units) if number not in there]
        queue.send_many([(unit.queue_name, unit.job_id, unit.message_id) for unit in made])


def enqueuing(job_id: str, message_id: str, instead_of: str | None = None) -> Change:
    """A waiting unit is given a message."""
    return Change(
        {"job_id": job_id, "status": Status.waiting.value, "message_id": instead_of},
        {"message_id": message_id, "enqueued_at": "$$NOW", "waits_for": None},
    )


def enqueue(unit_cls: type[Unit], job_id: str, *, instead_of: str | None = None) -> bool:
    """Gives a waiting unit a message of its own and sends it.

    ``instead_of`` is the message that it replaces. False where somebody else was first.
    """
    message_id = queue.new_message_id()
    change = enqueuing(job_id, message_id, instead_of)
    unit = apply(unit_cls, change.query, change.fields)
    if unit is None:
        return False
    queue.send(unit.queue_name, unit.job_id, message_id)
    return True


def say_why_it_waits(unit_cls: type[Unit], job_id: str, why: str) -> Unit | None:
    """Writes why a unit that has no message yet waits; None where it waits for that no more."""
    unit = apply(
        unit_cls,
        {"job_id": job_id, "status": Status.waiting.value, "message_id": None},
        {"waits_for": literal(why)},
    )
    if unit is not None:
        announce(unit, "jobChanged", reason=why)
    return unit


def _lease(worker: str, token: str) -> dict[str, Any]:
    return {"worker": literal(worker), "token": token, "expires_at": _lease_end()}


def _lease_end() -> dict[str, Any]:
    return {"$add": ["$$NOW", int(get_settings().lease_seconds * 1000)]}


def claim(unit_cls: type[Unit], job_id: str, message_id: str, worker: str) -> Unit | None:
    """Takes a waiting unit for a worker; None where this message has no claim on it (any more)."""
    return move(
        unit_cls,
        {"job_id": job_id, "status": Status.waiting.value, "message_id": message_id},
        Status.active,
        who=worker,
        why=ATTEMPT,
        fields={
            "lease": _lease(worker, uuid.uuid4().hex),
            "attempt": _NEXT_ATTEMPT,
            "started_at": "$$NOW",
            "next_attempt_at": None,
        },
    )


def _held(unit: WorkUnit) -> dict[str, Any]:
    return {
        "job_id": unit.job_id,
        "status": Status.active.value,
        "lease.token": unit.lease.token,
    }


def renew(unit: WorkUnit, fields: Mapping[str, Any]) -> bool:
    """Keeps a lease and writes plain ``fields`` (``progress`` only ever rises).

    False means that the unit is not this worker's any more, and the work must stop at once.
    """
    values: dict[str, Any] = {name: literal(value) for name, value in fields.items()}
    if "progress" in fields:
        values["progress"] = {"$max": ["$progress", literal(fields["progress"])]}
    values["lease.expires_at"] = _lease_end()
    return apply(type(unit), _held(unit), values) is not None


def leave(unit: WorkUnit, fields: Mapping[str, Any]) -> bool:
    """Writes plain ``fields`` of what was done under a lease before its unit was cancelled.

    The row names the lease as its ``runner``. False where the unit is in other hands.
    """
    query = {
        "job_id": unit.job_id,
        "status": Status.cancelled.value,
        "runner": unit.lease.token,
    }
    values = {name: literal(value) for name, value in fields.items()}
    return apply(type(unit), query, values) is not None


def complete(unit: Unit, fields: Mapping[str, Any] | None = None) -> Unit | None:
    """The work of a lease is done; None where the lease was lost."""
    values = {name: literal(value) for name, value in (fields or {}).items()}
    return move(
        type(unit),
        _held(unit),
        Status.completed,
        who=unit.lease.worker,
        why="",
        fields={
            "progress": 100.0,
            "finished_at": "$$NOW",
            "message_id": None,
            "lost_in_a_row": 0,
            **_OPEN_LEASE,
            **_NO_ERROR,
            **values,
        },
    )


def retry_later(unit: Unit, error: WorkError, delay_seconds: float) -> Unit | None:
    """An attempt failed and the same message comes again after the delay."""
    return move(
        type(unit),
        _held(unit),
        Status.waiting,
        who=unit.lease.worker,
        why=error.sentence,
        fields={
            "next_attempt_at": {"$add": ["$$NOW", int(delay_seconds * 1000)]},
            "lost_in_a_row": 0,
            **_OPEN_LEASE,
            **_error_fields(error),
        },
    )


def put_back(unit: Unit, why: str) -> Unit | None:
    """A worker that shuts down hands its unit back; the attempt does not count."""
    return move(
        type(unit),
        _held(unit),
        Status.waiting,
        who=unit.lease.worker,
        why=why,
        fields={
            "message_id": None,
            "lost_in_a_row": 0,
            "attempt": {"$max": [0, {"$subtract": ["$attempt", 1]}]},
            **_OPEN_LEASE,
        },
    )


def fail(unit: Unit, error: WorkError) -> Unit | None:
    """The work of a lease failed for good."""
    return move(
        type(unit),
        _held(unit),
        Status.failed,
        who=unit.lease.worker,
        why=error.sentence,
        fields={
            "finished_at": "$$NOW",
            "message_id": None,
            **_OPEN_LEASE,
            **_error_fields(error),
        },
    )


def _expired(unit: WorkUnit) -> dict[str, Any]:
    if unit.lease is None:
        return {"job_id": unit.job_id, "status": Status.active.value, "lease": None}
    return {**_held(unit), "$expr": {"$lt": ["$lease.expires_at", "$$NOW"]}}


def take_from_lost_worker(unit: Unit) -> Unit | None:
    """A lease ran out: the unit waits again, or has failed where that happened too often.

    An active unit without a lease counts as lost too; a renewal or a new claim makes this None.
    """
    why = f"Its worker {unit.lease.worker} went silent." if unit.lease else "It had no worker."
    losses = {"lost": (unit.lost or 0) + 1, "lost_in_a_row": (unit.lost_in_a_row or 0) + 1}
    if losses["lost_in_a_row"] >= get_settings().max_attempts:
        error = WorkError(
            f"Given up: {losses['lost_in_a_row']} workers in a row went silent while doing this.",
            category=Category.lost_worker,
        )
        return move(
            type(unit),
            _expired(unit),
            Status.failed,
            who="reconciler",
            why=error.sentence,
            fields={
                **losses,
                "finished_at": "$$NOW",
                "message_id": None,
                **_OPEN_LEASE,
                **_error_fields(error),
            },
        )
    return move(
        type(unit),
        _expired(unit),
        Status.waiting,
        who="reconciler",
        why=why,
        fields={**losses, "message_id": None, **_OPEN_LEASE},
    )


def redo(step: Step, why: str) -> Step | None:
    """A completed step whose output cannot be used waits again."""
    return move(
        Step,
        {"job_id": step.job_id, "status": Status.completed.value, "last_op": step.last_op},
        Status.waiting,
        who="merge",
        why=why,
        fields={"message_id": None, "progress": 0.0, "frames_done": 0, "finished_at": None},
    )


#: What a job's row gets when the first of its steps is being worked on.
ACTIVATED: dict[str, Any] = {
    "started_at": "$$NOW",
    "attempt": _NEXT_ATTEMPT,
    "retrying": False,
}


def activate(job_id: str) -> TranscodeJob | None:
    """A job's first step is being worked on."""
    return move(
        TranscodeJob,
        {"job_id": job_id, "status": Status.waiting.value},
        Status.active,
        who="dailies",
        why=ATTEMPT,
        fields=ACTIVATED,
    )


def update_job(job_id: str, fields: Mapping[str, Any]) -> TranscodeJob | None:
    """Writes what an unfinished job shows; ``progress`` and ``phases`` only ever rise."""
    values: dict[str, Any] = {name: literal(value) for name, value in fields.items()}
    if "progress" in fields:
        values["progress"] = {"$max": ["$progress", literal(fields["progress"])]}
    for phase, done in fields.get("phases", {}).items():
        values[f"phases.{phase}"] = {"$max": [f"$phases.{phase}", literal(done)]}
    values.pop("phases", None)
    return apply(TranscodeJob, {"job_id": job_id, "status": {"$in": _UNFINISHED}}, values)


def complete_job(job_id: str, fields: Mapping[str, Any]) -> TranscodeJob | None:
    """All steps and uploads of a job are done."""
    return move(
        TranscodeJob,
        {"job_id": job_id, "status": Status.active.value},
        Status.completed,
        who="dailies",
        why="",
        fields={
            "progress": 100.0,
            "finished_at": "$$NOW",
            "eta_seconds": None,
            **_NO_ERROR,
            **{name: literal(value) for name, value in fields.items()},
        },
    )


def failing(job_id: str, error: WorkError) -> Change:
    """A job's step or upload has failed for good, and the job with it."""
    return Change(
        {"job_id": job_id, "status": Status.active.value},
        {
            "finished_at": "$$NOW",
            "eta_seconds": None,
            "speed": None,
            **_error_fields(error),
        },
        error.sentence,
    )


def fail_job(job_id: str, error: WorkError) -> TranscodeJob | None:
    """A step or upload of a job has failed for good."""
    change = failing(job_id, error)
    return move(
        TranscodeJob,
        change.query,
        Status.failed,
        who="dailies",
        why=change.why,
        fields=change.fields,
    )


def find(unit_cls: type[Unit], job_id: str) -> Unit:
    """The unit of an id. Raises NotFound."""
    unit: Unit | None = unit_cls.objects(job_id=job_id).first()
    if unit is None:
        raise NotFound(f"There is no job {job_id!r}.")
    return unit


def cancelling(job_id: str, why: str) -> Change:
    """A waiting or active unit ends."""
    return Change(
        {"job_id": job_id, "status": {"$in": _UNFINISHED}, "can_cancel": {"$ne": False}},
        {
            "cancelled_at": "$$NOW",
            "finished_at": "$$NOW",
            "message_id": None,
            "next_attempt_at": None,
            "waits_for": None,
            "failed_reason": Category.cancelled.value,
            "error_message": literal(why),
            **_OPEN_LEASE,
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
        for child in child_cls.objects(transcode_id=job_id, status__in=_UNFINISHED).only("job_id"):
            try:
                cancel(child_cls, child.job_id, who, why)
            except Conflict:
                log.info("%s finished before it could be cancelled", child.job_id)


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
    **_OPEN_LEASE,
    **_NO_ERROR,
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
    return Change(_over_and_not_cleaned(job_id), fields, why)


def retry(unit_cls: type[Unit], job_id: str, who: str) -> Unit:
    """Lets a failed or cancelled unit wait again, with all it knows; finished work is kept.

    A transcode job that waits again is what lets its failed steps and uploads wait again: that,
    and the new messages, are for ``tasks.advance``. Raises NotFound, Conflict.
    """
    change = retrying(unit_cls, job_id, f"Retried by {who}.")
    unit = move(
        unit_cls, change.query, Status.waiting, who=who, why=change.why, fields=change.fields
    )
    if unit is None:
        existing = find(unit_cls, job_id)
        if existing.status in _OVER:
            raise Conflict("This job is being cleaned up: try again when that is done.")
        raise Conflict(f"This job is {existing.status}: only a failed or cancelled one is retried.")
    announce(unit, "jobRetried", reason=f"Retried by {who}.")
    return unit


def resuming(job_id: str, parts: Sequence[str], who: str) -> Change:
    """A failed or cancelled job waits again for the sake of some of its parts."""
    names = ", ".join(part.removeprefix(f"{job_id}.") for part in parts)
    return Change(
        _over_and_not_cleaned(job_id),
        {
            "finished_at": None,
            "cancelled_at": None,
            "retrying": True,
            "retry_only": literal(list(parts)),
            **_NO_ERROR,
        },
        f"Resumed by {who} for {names}.",
    )


def resume(job_id: str, part: str, who: str) -> TranscodeJob | None:
    """Lets a failed or cancelled job wait again for the sake of one of its parts.

    None where the job is not over, so that the part can go on without. The caller then calls
    ``tasks.advance``.
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


#: Milliseconds after which a clean-up whose process died may be begun anew.
CLEANING_MS = 600_000


def begin_cleanup(unit_cls: type[Unit], job_id: str) -> Unit:
    """Keeps a failed or cancelled unit from being retried meanwhile. Raises NotFound, Conflict."""
    unit = apply(
        unit_cls,
        _over_and_not_cleaned(job_id),
        {"cleaning_until": {"$add": ["$$NOW", CLEANING_MS]}},
    )
    if unit is None:
        existing = find(unit_cls, job_id)
        if existing.status in _OVER:
            raise Conflict("This job is being cleaned up already.")
        raise Conflict(
            f"This job is {existing.status}: only a failed or cancelled one is cleaned up."
        )
    return unit


def end_cleanup(unit: Unit, who: str, what: str, fields: Mapping[str, Any]) -> Unit | None:
    """Writes what is left of a unit that was cleaned up; its status stays."""
    return move(
        type(unit),
        {"job_id": unit.job_id, "status": unit.status, "cleaning_until": unit.cleaning_until},
        Status(unit.status),
        who=who,
        why=what,
        event="jobChanged",
        fields={
            "cleaning_until": None,
            "progress": 0.0,
            **{name: literal(value) for name, value in fields.items()},
        },
    )


def disprove(unit: Unit, who: str, error: WorkError) -> Unit | None:
    """A completed unit whose outputs turn out to be missing counts as failed."""
    return move(
        type(unit),
        {"job_id": unit.job_id, "status": Status.completed.value, "last_op": unit.last_op},
        Status.failed,
        who=who,
        why=error.sentence,
        fields=_error_fields(error),
    )


def remove(unit: WorkUnit) -> None:
    """Deletes a finished unit's row. Raises Conflict where it is not finished (any more)."""
    finished = [status.value for status in FINISHED]
    gone = (
        type(unit)
        ._get_collection()
        .delete_one({"job_id": unit.job_id, "status": {"$in": finished}})
    )
    if not gone.deleted_count:
        state = find(type(unit), unit.job_id).status
        raise Conflict(f"This job is {state}: only a finished job is deleted.")
    announce(unit, "jobDeleted")


def _over_and_not_cleaned(job_id: str) -> dict[str, Any]:
    # A date that is not there is smaller than any.
    return {
        "job_id": job_id,
        "status": {"$in": _OVER},
        "$expr": {"$lt": ["$cleaning_until", "$$NOW"]},
    }
