"""What a worker does with a unit: it takes it, keeps it, and comes to an end with it."""

import uuid
from collections.abc import Mapping
from typing import Any

from tasks.errors import WorkError
from tasks.jobs.lifecycle.fields import ATTEMPT, NEXT_ATTEMPT, NO_ERROR, OPEN_LEASE, error_fields
from tasks.jobs.transition import Unit, apply, literal, move
from tasks.models import Status, WorkUnit
from tasks.settings import get_settings


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
            "attempt": NEXT_ATTEMPT,
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
            **OPEN_LEASE,
            **NO_ERROR,
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
            **OPEN_LEASE,
            **error_fields(error),
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
            **OPEN_LEASE,
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
            **OPEN_LEASE,
            **error_fields(error),
        },
    )
