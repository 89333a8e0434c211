"""How a unit's row changes: one conditional update, marked, with a line of history.

``tasks.jobs.lifecycle`` says which transitions there are; nothing else calls ``move``.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import AutoReconnect, ServerSelectionTimeoutError

from tasks.feed.announce import announce, announce_many
from tasks.infra.database import server_time
from tasks.listing import facets
from tasks.models import NEXT, Status, WorkUnit
from tasks.records import job_log

Unit = TypeVar("Unit", bound=WorkUnit)
Answer = TypeVar("Answer")
Row = dict[str, Any]

#: Lines of history a unit keeps.
HISTORY_KEPT = 200
#: How often an update is tried whose connection broke; each waits for the server as long as the
#: connection's patience says.
TRIES = 3

#: What is read of units that were changed with many others.
_TOLD = dict.fromkeys(
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
        "last_op",
    ),
    1,
)

#: What the feed calls the end of a unit.
FINISH_EVENTS = {
    Status.completed: "JobCompleted",
    Status.failed: "JobFailed",
    Status.cancelled: "JobCancelled",
}


def literal(value: Any) -> dict[str, Any]:
    """A value as it is: in a pipeline update a text that begins with $ would be read as a field."""
    return {"$literal": value}


def apply(unit_cls: type[Unit], query: Mapping[str, Any], fields: Mapping[str, Any]) -> Unit | None:
    """One conditional update; None where the condition did not hold.

    A broken connection leaves open whether the update was done, so each carries a mark by which a
    second try recognises the first.
    """
    collection = unit_cls._get_collection()
    op = uuid.uuid4().hex
    update = _update(unit_cls, fields, op)

    def write(again: bool) -> dict[str, Any] | None:
        document: dict[str, Any] | None = collection.find_one_and_update(
            dict(query), update, return_document=ReturnDocument.AFTER
        )
        if document is None and again:
            document = collection.find_one({"last_op": op, "job_id": query["job_id"]})
        return document

    document = _patiently(write)
    return None if document is None else unit_cls._from_son(document)


@dataclass(frozen=True)
class Change:
    """What is asked of one unit of many: the state that it must be in, and what is then written."""

    query: Mapping[str, Any]
    fields: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""


def apply_many(unit_cls: type[WorkUnit], changes: Sequence[Change]) -> list[Row]:
    """``apply`` for each of many units, in few round trips; those that were changed.

    Each is a conditional update of its own, and the others do not wait for it. The rows that come
    back have the fields that the feed tells, and those of the unit's message.
    """
    if not changes:
        return []
    collection = unit_cls._get_collection()
    ops = {change.query["job_id"]: uuid.uuid4().hex for change in changes}
    writes = [
        UpdateOne(dict(change.query), _update(unit_cls, change.fields, ops[change.query["job_id"]]))
        for change in changes
    ]
    # A second try finds what the first has changed no longer in the state that is asked for.
    _patiently(lambda _again: collection.bulk_write(writes, ordered=False))
    found = collection.find({"job_id": {"$in": list(ops)}}, _TOLD)
    return [row for row in found if row.get("last_op") == ops[row["job_id"]]]


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
    unit_cls: type[Unit],
    query: Mapping[str, Any],
    to: Status,
    *,
    who: str,
    why: str | Mapping[str, Any],
    fields: Mapping[str, Any] | None = None,
    event: str | None = None,
) -> Unit | None:
    """A conditional update that changes the status: it writes history, and tells the feed.

    ``query`` names the statuses it may begin from. Raises ValueError where one of them may not be
    followed by ``to``: that is a mistake in the code.
    """
    values = _transition(query, to, who, why, fields or {})
    unit = apply(unit_cls, query, values)
    if unit is not None:
        announce(unit, event or FINISH_EVENTS.get(to, "jobChanged"), reason=unit.history[-1].why)
        job_log.transition(unit)
    return unit


def move_many(
    unit_cls: type[WorkUnit],
    changes: Sequence[Change],
    to: Status,
    *,
    who: str,
    line: Mapping[str, Any] | None = None,
    event: str | None = None,
) -> list[Row]:
    """``move`` for each of many units, in few round trips; those that were moved.

    ``line`` is an expression for the history's line, in place of each one's ``why``. For the
    rows that come back see ``apply_many``.
    """
    if not changes:
        return []
    began = server_time()
    moves = [
        Change(c.query, _transition(c.query, to, who, line or c.why, c.fields)) for c in changes
    ]
    moved = apply_many(unit_cls, moves)
    # Somebody may have moved one on before it was read: it has moved all the same.
    rest = {c.query["job_id"] for c in changes} - {row["job_id"] for row in moved}
    if rest:
        since = {"$elemMatch": {"at": {"$gte": began}, "status": to.value, "who": who}}
        overtaken = {"job_id": {"$in": list(rest)}, "history": since}
        moved += unit_cls._get_collection().find(overtaken, _TOLD)
    whys = {c.query["job_id"]: c.why for c in changes}
    name = event or FINISH_EVENTS.get(to, "jobChanged")
    announce_many(unit_cls, moved, name, lambda row: {"reason": whys[row["job_id"]] or None})
    stayed = all(c.query["status"] == to for c in changes)
    job_log.transitions(unit_cls, moved, who, whys, began, stayed=stayed)
    return moved


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
