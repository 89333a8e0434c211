"""Transitions of finished units: held, cleaned up, disproved, removed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tasks.errors import WorkError
from tasks.feed.announce import announce_many
from tasks.jobs.lifecycle.fields import NOT_HELD, error_fields, holdable
from tasks.jobs.transition import Change, Row, Unit, apply, literal, move, move_one
from tasks.models import UNFINISHED_VALUES, Status, WorkUnit, stored

#: Milliseconds until a hold ends by itself, should its process die.
CLEANING_MS = 600_000


def hold(
    unit_cls: type[WorkUnit], job_ids: Iterable[str], statuses: Iterable[Status], token: str
) -> list[Row]:
    """Keeps finished units from being retried, for ten minutes; the rows that are held.

    The same hold token may hold them again, so that an operation goes on after its worker was
    lost; another one may not.
    """
    fields = {
        "cleaning_until": {"$add": ["$$NOW", CLEANING_MS]},
        "cleaning_by": literal(token),
    }
    condition = holdable(statuses, token)
    return apply(unit_cls, [Change({"job_id": job_id, **condition}, fields) for job_id in job_ids])


def let_go(unit_cls: type[WorkUnit], job_ids: Iterable[str], token: str) -> None:
    """Ends the hold of units, and leaves them as they are."""
    queries = ({"job_id": job_id, "cleaning_by": token} for job_id in job_ids)
    apply(unit_cls, [Change(query, NOT_HELD) for query in queries])


def end_cleanup(
    unit_cls: type[WorkUnit],
    held: Iterable[Row],
    token: str,
    who: str,
    whys: Mapping[str, str],
    fields: Mapping[str, Any],
) -> None:
    """Ends the hold of units that were cleaned up, and writes the plain ``fields`` that are left.

    Their status stays. ``whys`` is by job id.
    """
    left = {name: literal(value) for name, value in fields.items()}
    changes: dict[Status, list[Change]] = defaultdict(list)
    for row in held:
        job_id = row["job_id"]
        query = {"job_id": job_id, "status": row["status"], "cleaning_by": token}
        values = {"progress": 0.0, **NOT_HELD, **left}
        changes[Status(row["status"])].append(Change(query, values, whys[job_id]))
    for status, of_status in changes.items():
        move(unit_cls, of_status, status, who=who, event="jobChanged")


def disprove(unit: Unit, who: str, error: WorkError) -> Unit | None:
    """A completed unit whose outputs turn out to be missing counts as failed."""
    query = {"job_id": unit.job_id, "status": Status.completed.value, "last_op": unit.last_op}
    change = Change(query, error_fields(error), error.sentence)
    return move_one(type(unit), change, Status.failed, who=who)


def remove(unit_cls: type[WorkUnit], rows: Sequence[Row], token: str | None = None) -> list[str]:
    """Deletes the rows of finished units; the ids of those that are gone.

    ``token``: only those that it holds.
    """
    there = {"job_id": {"$in": [row["job_id"] for row in rows]}}
    collection = stored.collection(unit_cls)
    finished = {**there, "status": {"$nin": UNFINISHED_VALUES}}
    collection.delete_many(finished if token is None else {**finished, "cleaning_by": token})
    left = {row["job_id"] for row in collection.find(there, {"job_id": 1})}
    gone = [row for row in rows if row["job_id"] not in left]
    announce_many(unit_cls, gone, "jobDeleted")
    return [row["job_id"] for row in gone]
