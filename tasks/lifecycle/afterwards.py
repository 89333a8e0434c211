"""What happens to units that are over: cleaned up, disproved, removed."""

from collections.abc import Mapping
from typing import Any

from tasks.announce import announce
from tasks.errors import WorkError
from tasks.lifecycle.fields import OVER, error_fields, over_and_not_cleaned
from tasks.lifecycle.refusals import Conflict, find
from tasks.models import FINISHED, Status, WorkUnit
from tasks.transition import Unit, apply, literal, move

#: Milliseconds after which a clean-up whose process died may be begun anew.
CLEANING_MS = 600_000


def begin_cleanup(unit_cls: type[Unit], job_id: str) -> Unit:
    """Keeps a failed or cancelled unit from being retried meanwhile. Raises NotFound, Conflict."""
    unit = apply(
        unit_cls,
        over_and_not_cleaned(job_id),
        {"cleaning_until": {"$add": ["$$NOW", CLEANING_MS]}},
    )
    if unit is None:
        existing = find(unit_cls, job_id)
        if existing.status in OVER:
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
        fields=error_fields(error),
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
