"""Transitions by a worker: it claims a unit, renews its lease, and ends it."""

import uuid
from collections.abc import Mapping
from typing import Any

from tasks.errors import WorkError
from tasks.jobs.lifecycle.fields import ATTEMPT, NEXT_ATTEMPT, NO_ERROR, OPEN_LEASE, error_fields
from tasks.jobs.transition import Change, Unit, apply, literal, move_one
from tasks.models import Status, WorkUnit
from tasks.settings import get_settings


def _lease(worker: str, token: str) -> dict[str, Any]:
    return {"worker": literal(worker), "token": token, "expires_at": _lease_end()}


def _lease_end() -> dict[str, Any]:
    return {"$add": ["$$NOW", int(get_settings().lease_seconds * 1000)]}


def claim(unit_cls: type[Unit], job_id: str, message_id: str, worker: str) -> Unit | None:
    """Takes a waiting unit for a worker; None where this message has no claim on it (any more)."""
    query = {"job_id": job_id, "status": Status.waiting.value, "message_id": message_id}
    fields = {
        "lease": _lease(worker, uuid.uuid4().hex),
        "attempt": NEXT_ATTEMPT,
        "started_at": "$$NOW",
        "next_attempt_at": None,
    }
    return move_one(unit_cls, Change(query, fields), Status.active, who=worker, line=ATTEMPT)


def _held(unit: WorkUnit) -> dict[str, Any]:
    return {
        "job_id": unit.job_id,
        "status": Status.active.value,
        "lease.token": unit.lease.token,
    }


def _end(unit: Unit, to: Status, fields: Mapping[str, Any], why: str = "") -> Unit | None:
    """Ends the lease of a unit; None where it was lost."""
    change = Change(_held(unit), {**OPEN_LEASE, **fields}, why)
    return move_one(type(unit), change, to, who=unit.lease.worker)


def renew(unit: WorkUnit, fields: Mapping[str, Any]) -> bool:
    """Keeps a lease and writes plain ``fields`` (``progress`` only ever rises).

    False means that the unit is not this worker's any more, and the work must stop at once.
    """
    values: dict[str, Any] = {name: literal(value) for name, value in fields.items()}
    if "progress" in fields:
        values["progress"] = {"$max": ["$progress", literal(fields["progress"])]}
    values["lease.expires_at"] = _lease_end()
    return bool(apply(type(unit), [Change(_held(unit), values)]))


def leave(unit: WorkUnit, fields: Mapping[str, Any]) -> bool:
    """Writes plain ``fields`` of work that was done under a lease before its unit was cancelled.

    The row names the lease as its ``runner``. False where another lease followed.
    """
    query = {
        "job_id": unit.job_id,
        "status": Status.cancelled.value,
        "runner": unit.lease.token,
    }
    values = {name: literal(value) for name, value in fields.items()}
    return bool(apply(type(unit), [Change(query, values)]))


def complete(unit: Unit, fields: Mapping[str, Any] | None = None) -> Unit | None:
    """Completes the work of a lease; None where the lease was lost."""
    values = {
        "progress": 100.0,
        "finished_at": "$$NOW",
        "message_id": None,
        "lost_in_a_row": 0,
        **NO_ERROR,
        **{name: literal(value) for name, value in (fields or {}).items()},
    }
    return _end(unit, Status.completed, values)


def retry_later(unit: Unit, error: WorkError, delay_seconds: float) -> Unit | None:
    """Ends a failed attempt; the same message comes again after the delay."""
    fields = {
        "next_attempt_at": {"$add": ["$$NOW", int(delay_seconds * 1000)]},
        "lost_in_a_row": 0,
        **error_fields(error),
    }
    return _end(unit, Status.waiting, fields, error.sentence)


def put_back(unit: Unit, why: str) -> Unit | None:
    """Hands the unit of a worker that shuts down back; the attempt does not count."""
    fields = {
        "message_id": None,
        "lost_in_a_row": 0,
        "attempt": {"$max": [0, {"$subtract": ["$attempt", 1]}]},
    }
    return _end(unit, Status.waiting, fields, why)


def fail(unit: Unit, error: WorkError) -> Unit | None:
    """Fails the work of a lease for good."""
    fields = {"finished_at": "$$NOW", "message_id": None, **error_fields(error)}
    return _end(unit, Status.failed, fields, error.sentence)
