"""What happens to units that are over: cleaned up, disproved, removed."""

from collections.abc import Iterable, Mapping
from typing import Any

from tasks.errors import WorkError
from tasks.feed.announce import announce
from tasks.jobs.lifecycle.fields import NOT_HELD, error_fields, holdable
from tasks.jobs.lifecycle.refusals import Conflict, find
from tasks.jobs.transition import Change, Unit, literal, move
from tasks.models import FINISHED, Status, WorkUnit

#: Milliseconds for which a unit is held: after that, whose process died holds it no more.
CLEANING_MS = 600_000


def holding(job_id: str, statuses: Iterable[Status], word: str) -> Change:
    """A finished unit is kept from being retried, and from whoever has another ``word``."""
    fields = {
        "cleaning_until": {"$add": ["$$NOW", CLEANING_MS]},
        "cleaning_by": literal(word),
    }
    return Change({"job_id": job_id, **holdable(statuses, word)}, fields)


def letting_go(job_id: str, word: str) -> Change:
    """A unit that is held is left as it is."""
    return Change({"job_id": job_id, "cleaning_by": word}, NOT_HELD)


def cleaned(job_id: str, status: Status, word: str, why: str, fields: Mapping[str, Any]) -> Change:
    """A held unit gets the plain ``fields`` that are left of it; its status stays."""
    return Change(
        {"job_id": job_id, "status": status.value, "cleaning_by": word},
        {
            "progress": 0.0,
            **NOT_HELD,
            **{name: literal(value) for name, value in fields.items()},
        },
        why,
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
