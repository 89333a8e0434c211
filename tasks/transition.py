"""How a unit's row changes: one conditional update, marked, with a line of history.

``tasks.lifecycle`` says which transitions there are; nothing else calls ``move``.
"""

import time
import uuid
from collections.abc import Mapping
from typing import Any, TypeVar

from pymongo import ReturnDocument
from pymongo.errors import AutoReconnect, ServerSelectionTimeoutError

from tasks.announce import announce
from tasks.models import NEXT, Status, WorkUnit

Unit = TypeVar("Unit", bound=WorkUnit)

#: Lines of history a unit keeps.
HISTORY_KEPT = 200
#: How often an update is tried whose connection broke; each waits for the server as long as the
#: connection's patience says.
TRIES = 3

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
    update = [{"$set": {**fields, "updated_at": "$$NOW", "last_op": op}}]
    for attempt in range(1, TRIES + 1):
        try:
            document = collection.find_one_and_update(
                dict(query), update, return_document=ReturnDocument.AFTER
            )
            if document is None and attempt > 1:
                document = collection.find_one({"last_op": op, "job_id": query["job_id"]})
            return None if document is None else unit_cls._from_son(document)
        except ServerSelectionTimeoutError:
            raise
        except AutoReconnect:
            if attempt == TRIES:
                raise
            time.sleep(0.1 * attempt)
    return None


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
    asked = query["status"]
    for begin in map(Status, asked["$in"] if isinstance(asked, Mapping) else [asked]):
        if to is not begin and to not in NEXT[begin]:
            raise ValueError(f"{begin} is never followed by {to}")
    reason = literal(why) if isinstance(why, str) else why
    line = {"at": "$$NOW", "status": to.value, "who": literal(who), "why": reason}
    history = {
        "$slice": [{"$concatArrays": [{"$ifNull": ["$history", []]}, [line]]}, -HISTORY_KEPT]
    }
    unit = apply(unit_cls, query, {"status": to.value, "history": history, **(fields or {})})
    if unit is not None:
        announce(unit, event or FINISH_EVENTS.get(to, "jobChanged"), reason=unit.history[-1].why)
    return unit
