"""Refusals: the exceptions for a transition that is not allowed, and for an id without a row."""

from collections.abc import Sequence

from tasks.jobs.allowed import Action, ActionState, refusal
from tasks.jobs.transition import Row, Unit, the_unit
from tasks.models import Status, WorkUnit, stored

#: The refusal where another request holds the unit.
BEING_REMOVED = "This job is being cleaned up or deleted: try again when that is done."


class Conflict(Exception):
    """The unit's state does not allow what was asked; the message says the state."""


class NotFound(Exception):
    """There is no such unit; the message names the id."""


def not_found(job_id: str) -> NotFound:
    """The exception for an id without a row."""
    return NotFound(f"There is no job {job_id!r}.")


def find(unit_cls: type[Unit], job_id: str) -> Unit:
    """The unit of an id. Raises NotFound."""
    unit: Unit | None = unit_cls.objects(job_id=job_id).first()
    if unit is None:
        raise not_found(job_id)
    return unit


def why_not(
    unit_cls: type[WorkUnit], action: Action, job_ids: Sequence[str]
) -> dict[str, Conflict | NotFound]:
    """Why an action was not done to units, by id."""
    if not job_ids:
        return {}
    found = stored.collection(unit_cls).find(
        {"job_id": {"$in": list(job_ids)}}, {"job_id": 1, "status": 1, "can_cancel": 1}
    )
    rows = {row["job_id"]: row for row in found}
    return {
        job_id: Conflict(refused(action, rows[job_id]) or BEING_REMOVED)
        if job_id in rows
        else not_found(job_id)
        for job_id in job_ids
    }


def refused(action: Action, row: Row) -> str | None:
    """Why a row's state does not allow an action, None where it does."""
    return refusal(action, ActionState(Status(row["status"]), row.get("can_cancel") is not False))


def the_one(unit_cls: type[Unit], action: Action, job_id: str, rows: Sequence[Row]) -> Unit:
    """The unit that an action on one id changed. Raises Conflict or NotFound where there is none.

    ``rows`` are what the action answered with.
    """
    unit = the_unit(unit_cls, rows)
    if unit is None:
        raise why_not(unit_cls, action, [job_id])[job_id]
    return unit
