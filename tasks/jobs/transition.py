"""Changes units' rows: one conditional update each, marked, with a line of history.

``tasks.jobs.lifecycle`` says which transitions there are; nothing else calls ``move``.
"""

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from pymongo import ReturnDocument, UpdateOne
from pymongo.collection import Collection
from pymongo.errors import AutoReconnect, ServerSelectionTimeoutError

from tasks.feed.announce import announce_many
from tasks.infra.database import server_time
from tasks.listing import facets
from tasks.models import NEXT, Status, WorkUnit, stored
from tasks.records import job_log

Unit = TypeVar("Unit", bound=WorkUnit)
Answer = TypeVar("Answer")
Row = dict[str, Any]

#: Lines of history a unit keeps.
HISTORY_KEPT = 200
#: How often an update is tried whose connection broke; each waits for the server as long as the
#: connection's patience says.
TRIES = 3

#: The fields that are read of units that were changed with others; of the history the last line.
_READ: dict[str, Any] = {
    **dict.fromkeys(
        (
            "job_id",
            "status",
            "progress",
            "transcode_id",
            "media_id",
            "client_id",
            "upload_path",
            "subtitle_id",
            "failed_reason",
            "error_message",
            "queue_name",
            "message_id",
            "kind",
            "index",
            "attempt",
            "error_log",
            "updated_at",
            "last_op",
        ),
        1,
    ),
    "history": {"$slice": -1},
}

#: The name of the event that tells of the end of a unit.
FINISH_EVENTS = {
    Status.completed: "JobCompleted",
    Status.failed: "JobFailed",
    Status.cancelled: "JobCancelled",
}


def literal(value: Any) -> dict[str, Any]:
    """A value as it is: in a pipeline update a text that begins with $ would be read as a field."""
    return {"$literal": value}


@dataclass(frozen=True)
class Change:
    """A change of one unit: the state that it must be in, and the fields that are then written."""

    query: Mapping[str, Any]
    fields: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""

    @property
    def job_id(self) -> str:
        """The unit's id."""
        return str(self.query["job_id"])


def apply(unit_cls: type[WorkUnit], changes: Sequence[Change]) -> list[Row]:
    """Changes units in few round trips; the rows of those that were changed.

    Each is a conditional update of its own, and the others do not wait for it. One change answers
    with the whole row; several answer with the fields that the feed tells and those of the unit's
    message.

    A broken connection leaves open whether an update was done, so each carries a mark by which a
    second try recognises the first.
    """
    if not changes:
        return []
    collection = stored.collection(unit_cls)
    ops = {change.job_id: uuid.uuid4().hex for change in changes}
    if len(changes) == 1:
        (change,), (op,) = changes, ops.values()
        return _write_one(collection, change, _update(unit_cls, change.fields, op), op)
    writes = [
        UpdateOne(dict(change.query), _update(unit_cls, change.fields, ops[change.job_id]))
        for change in changes
    ]
    # A second try finds what the first has changed no longer in the state that is asked for.
    _patiently(lambda _again: collection.bulk_write(writes, ordered=False))
    found = collection.find({"job_id": {"$in": list(ops)}}, _READ)
    return [row for row in found if row.get("last_op") == ops[row["job_id"]]]


def apply_one(unit_cls: type[Unit], change: Change) -> Unit | None:
    """``apply`` of one change: the unit as it is then, None where the condition did not hold."""
    return the_unit(unit_cls, apply(unit_cls, [change]))


def the_unit(unit_cls: type[Unit], rows: Sequence[Row]) -> Unit | None:
    """The unit of the row that one change answered with, None where it answered with none."""
    return unit_cls._from_son(rows[0]) if rows else None


def _write_one(
    collection: "Collection[Row]", change: Change, update: list[dict[str, Any]], op: str
) -> list[Row]:
    def write(again: bool) -> Row | None:
        row: Row | None = collection.find_one_and_update(
            dict(change.query), update, return_document=ReturnDocument.AFTER
        )
        if row is None and again:
            row = collection.find_one({"last_op": op, "job_id": change.job_id})
        return row

    row = _patiently(write)
    return [] if row is None else [row]


def _update(unit_cls: type[WorkUnit], fields: Mapping[str, Any], op: str) -> list[dict[str, Any]]:
    update = [{"$set": {**fields, "updated_at": "$$NOW", "last_op": op}}]
    if "facet" in unit_cls._fields and facets.SOURCES & fields.keys():
        # In a stage of its own, so that it is made of what the first has written.
        update.append(facets.BOTH)
    return update


def _patiently(write: Callable[[bool], Answer]) -> Answer:
    """Writes, and again where the connection broke; ``write`` is told whether it is again."""
    for attempt in range(1, TRIES + 1):
        try:
            return write(attempt > 1)
        except ServerSelectionTimeoutError:
            raise
        except AutoReconnect:
            if attempt == TRIES:
                raise
            time.sleep(0.1 * attempt)
    raise AssertionError("the last try answers or raises")


def move(
    unit_cls: type[WorkUnit],
    changes: Sequence[Change],
    to: Status,
    *,
    who: str,
    line: Mapping[str, Any] | None = None,
    event: str | None = None,
) -> list[Row]:
    """``apply`` of changes of status: writes history, tells the feed and the job's log.

    Each query names the statuses that a unit may begin from. ``line`` is an expression for the
    history's line, in place of each change's ``why``. Answers as ``apply``. Raises ValueError where
    one of the statuses may not be followed by ``to``: that is a mistake in the code.
    """
    if not changes:
        return []
    moves = [
        Change(c.query, _transition(c.query, to, who, line or c.why, c.fields), c.why)
        for c in changes
    ]
    began = time.monotonic()
    moved = apply(unit_cls, moves)
    rest = {c.job_id for c in moves} - {row["job_id"] for row in moved}
    if rest and len(moves) > 1:
        moved += _overtaken(unit_cls, rest, to, who, time.monotonic() - began)
    whys = {c.job_id: c.why for c in moves}
    if line is not None:
        whys = {row["job_id"]: row["history"][-1].get("why") or "" for row in moved}
    name = event or FINISH_EVENTS.get(to, "jobChanged")
    announce_many(unit_cls, moved, name, lambda row: {"reason": whys[row["job_id"]] or None})
    stayed = all(c.query["status"] == to for c in changes)
    job_log.transitions(unit_cls, moved, who, whys, stayed=stayed)
    return moved


def _overtaken(
    unit_cls: type[WorkUnit], job_ids: Iterable[str], to: Status, who: str, seconds: float
) -> list[Row]:
    """Rows that were moved within the last ``seconds``, and on before they were read."""
    since = server_time() - timedelta(seconds=seconds)
    line = {"$elemMatch": {"at": {"$gte": since}, "status": to.value, "who": who}}
    query = {"job_id": {"$in": list(job_ids)}, "history": line}
    return list(stored.collection(unit_cls).find(query, _READ))


def move_one(
    unit_cls: type[Unit],
    change: Change,
    to: Status,
    *,
    who: str,
    line: Mapping[str, Any] | None = None,
    event: str | None = None,
) -> Unit | None:
    """``move`` of one unit: as it is then, None where the condition did not hold."""
    return the_unit(unit_cls, move(unit_cls, [change], to, who=who, line=line, event=event))


def _transition(
    query: Mapping[str, Any],
    to: Status,
    who: str,
    why: str | Mapping[str, Any],
    fields: Mapping[str, Any],
) -> dict[str, Any]:
    """The fields of a change of status. Raises ValueError where it is none."""
    asked = query["status"]
    for begin in map(Status, asked["$in"] if isinstance(asked, Mapping) else [asked]):
        if to is not begin and to not in NEXT[begin]:
            raise ValueError(f"{begin} is never followed by {to}")
    reason = literal(why) if isinstance(why, str) else why
    line = {"at": "$$NOW", "status": to.value, "who": literal(who), "why": reason}
    history = {
        "$slice": [{"$concatArrays": [{"$ifNull": ["$history", []]}, [line]]}, -HISTORY_KEPT]
    }
    return {"status": to.value, "history": history, **fields}
