"""What the state machine answers to what it does not allow, and to ids that it does not know."""

from tasks.jobs.transition import Unit

#: Said of a unit that somebody holds.
BEING_REMOVED = "This job is being cleaned up or deleted: try again when that is done."


class Conflict(Exception):
    """The unit's state does not allow what was asked; the message says the state."""


class NotFound(Exception):
    """There is no such unit; the message names the id."""


def find(unit_cls: type[Unit], job_id: str) -> Unit:
    """The unit of an id. Raises NotFound."""
    unit: Unit | None = unit_cls.objects(job_id=job_id).first()
    if unit is None:
        raise NotFound(f"There is no job {job_id!r}.")
    return unit
