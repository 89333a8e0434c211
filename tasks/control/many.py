"""One action on a batch of jobs: what ``actions.act`` does to one, in few round trips.

Retry, cancel, and the deletion of rows whose work area is gone go through the state machine
together; what has to look into the bucket for each job is done by a few threads.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tasks import audit, lifecycle, lifecycle_many
from tasks.advance_many import advance_many
from tasks.control.actions import MODELS, act
from tasks.control.allowed import Action, Kind, State, refusal
from tasks.errors import StorageFailed
from tasks.models import Status, TranscodeJob, UploadJob

#: Threads for what waits for the bucket.
THREADS = 6
#: Said of a job that is not there; the same of all, so that they can be counted.
GONE = "There is no such job any more."

DONE_WORDS = {Action.retry: "Waits to be done again.", Action.cancel: "Cancelled."}
_PAST = {Action.retry: "Retried", Action.cancel: "Cancelled"}


class Outcome(StrEnum):
    """What came of an action on one job."""

    done = "done"
    skipped = "skipped"
    failed = "failed"


@dataclass(frozen=True)
class Order:
    """What a bulk operation asks of each job, and for whom; ``operation`` is its id."""

    kind: Kind
    action: Action
    who: str
    operation: str
    outputs: bool = False

    @property
    def why(self) -> str:
        """The line in the history of each job, by which one that was visited is known again."""
        return f"{_PAST[self.action]} by {self.who} (bulk {self.operation[:8]})."

    @property
    def batched(self) -> bool:
        """Whether many jobs cost few round trips."""
        return self.action in _TOGETHER


Results = dict[str, tuple[Outcome, str]]


def act_many(order: Order, ids: Sequence[str]) -> Results:
    """Does it to each job of the ids: (outcome, reason), the reason empty where it is done."""
    model = MODELS[order.kind]
    fields = {"job_id": 1, "status": 1, "can_cancel": 1, "transcode_id": 1}
    rows = {
        row["job_id"]: row
        for row in model._get_collection().find({"job_id": {"$in": list(ids)}}, fields)
    }
    results: Results = {}
    allowed = []
    for job_id in ids:
        row = rows.get(job_id)
        reason = GONE if row is None else _refusal(order.action, row)
        if row is None or reason is not None:
            results[job_id] = Outcome.skipped, reason or GONE
        else:
            allowed.append(row)
    if order.action in _TOGETHER:
        done = _TOGETHER[order.action](order, allowed)
        audit.record_many(
            order.who,
            order.action.value,
            done,
            kind=order.kind.value,
            detail=DONE_WORDS[order.action],
            operation=order.operation,
        )
        results |= dict.fromkeys(done, (Outcome.done, ""))
    rest = [row["job_id"] for row in allowed if row["job_id"] not in results]
    return results | _one_by_one(order, rest)


def done_before(order: Order, ids: Sequence[str]) -> list[str]:
    """Those of a batch that were done before the worker was lost that did it."""
    collection = MODELS[order.kind]._get_collection()
    there = {"job_id": {"$in": list(ids)}}
    if order.action is Action.delete:
        left = set(collection.distinct("job_id", there))
        return [job_id for job_id in ids if job_id not in left]
    if order.action not in _TOGETHER:
        return []
    done = collection.distinct("job_id", {**there, "history.why": order.why})
    audit.record_many(
        order.who,
        order.action.value,
        sorted(set(done) - _written_down(order, done)),
        kind=order.kind.value,
        detail=DONE_WORDS[order.action],
        operation=order.operation,
    )
    if order.action is Action.retry and order.kind is Kind.transcode:
        advance_many(done)
    elif order.kind is Kind.upload:
        rows = collection.find({"job_id": {"$in": done}}, {"transcode_id": 1})
        advance_many(row["transcode_id"] for row in rows)
    return list(done)


def _written_down(order: Order, ids: Sequence[str]) -> set[str]:
    entries = audit.AuditEntry._get_collection().find(
        {"target": {"$in": list(ids)}, "data.operation": order.operation}, {"target": 1}
    )
    return {entry["target"] for entry in entries}


def _refusal(action: Action, row: dict[str, Any]) -> str | None:
    return refusal(action, State(Status(row["status"]), row.get("can_cancel") is not False))


def _retry(order: Order, rows: Sequence[dict[str, Any]]) -> list[str]:
    ids = [row["job_id"] for row in rows]
    if order.kind is Kind.transcode:
        moved = lifecycle_many.retry(TranscodeJob, ids, order.who, order.why)
        retried = [row["job_id"] for row in moved]
        advance_many(retried)
        return retried
    # The jobs first: while one is over, nothing of it may go on.
    lifecycle_many.resume(_by_parent(rows), order.who)
    moved = lifecycle_many.retry(UploadJob, ids, order.who, order.why)
    advance_many(_by_parent(rows))
    return [row["job_id"] for row in moved]


def _cancel(order: Order, rows: Sequence[dict[str, Any]]) -> list[str]:
    ids = [row["job_id"] for row in rows]
    cancelled = lifecycle_many.cancel(MODELS[order.kind], ids, order.who, order.why)
    if order.kind is Kind.upload:
        advance_many(_by_parent(rows))
    return [row["job_id"] for row in cancelled]


_TOGETHER: dict[Action, Callable[[Order, Sequence[dict[str, Any]]], list[str]]] = {
    Action.retry: _retry,
    Action.cancel: _cancel,
}


def _by_parent(rows: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    parents: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        parents[row["transcode_id"]].append(row["job_id"])
    return parents


def _one_by_one(order: Order, ids: Sequence[str]) -> Results:
    if not ids:
        return {}
    with ThreadPoolExecutor(THREADS) as threads:
        return dict(zip(ids, threads.map(lambda job_id: _one(order, job_id), ids), strict=True))


def _one(order: Order, job_id: str) -> tuple[Outcome, str]:
    try:
        act(order.kind, order.action, job_id, order.who, outputs=order.outputs)
    except lifecycle.Conflict as error:
        return Outcome.skipped, str(error)
    except lifecycle.NotFound:
        return Outcome.skipped, GONE
    except StorageFailed as error:
        return Outcome.failed, error.sentence
    return Outcome.done, ""
