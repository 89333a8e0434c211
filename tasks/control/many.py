"""One action on a batch of jobs: what ``actions.act`` does to one, in few round trips.

What was not done to a job together with the others is tried by itself, which says why.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tasks.control.actions import MODELS, act
from tasks.control.order import DONE_WORDS, Order, Outcome, Results, write_down
from tasks.control.sync import Synced, sync_many
from tasks.errors import StorageFailed
from tasks.jobs import lifecycle, lifecycle_many
from tasks.jobs.advance_many import advance_many
from tasks.jobs.allowed import Action, ActionState, refusal
from tasks.models import Kind, Status, TranscodeJob, UploadJob
from tasks.records.audit import Line
from tasks.removal.cleanup import clean_up_many
from tasks.removal.deletion import delete_many
from tasks.removal.emptying import THREADS
from tasks.removal.held import Refusal
from tasks.removal.removed import Removed

#: Said of a job that is not there; the same of all, so that they can be counted.
GONE = "There is no such job any more."


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
    said = _TOGETHER[order.action](order, allowed) if allowed else {}
    write_down(order, [line for line in said.values() if isinstance(line, Line)])
    results |= {job_id: _result(what) for job_id, what in said.items()}
    rest = [row["job_id"] for row in allowed if row["job_id"] not in results]
    return results | _one_by_one(order, rest)


def _result(what: Line | StorageFailed) -> tuple[Outcome, str]:
    if isinstance(what, StorageFailed):
        return Outcome.failed, what.sentence
    return (Outcome.skipped, what.detail) if what.refused else (Outcome.done, "")


def _refusal(action: Action, row: dict[str, Any]) -> str | None:
    return refusal(action, ActionState(Status(row["status"]), row.get("can_cancel") is not False))


Rows = Sequence[dict[str, Any]]
#: What is said of each job in the audit log, or why the bucket failed it.
Said = dict[str, Line | StorageFailed]


def _retry(order: Order, rows: Rows) -> Said:
    ids = [row["job_id"] for row in rows]
    if order.kind is Kind.transcode:
        moved = lifecycle_many.retry(TranscodeJob, ids, order.who, order.why)
        advance_many(row["job_id"] for row in moved)
        return _all_done(order, moved)
    # The jobs first: while one is over, nothing of it may go on.
    lifecycle_many.resume(_by_parent(rows), order.who)
    moved = lifecycle_many.retry(UploadJob, ids, order.who, order.why)
    advance_many(_by_parent(rows))
    return _all_done(order, moved)


def _cancel(order: Order, rows: Rows) -> Said:
    ids = [row["job_id"] for row in rows]
    cancelled = lifecycle_many.cancel(MODELS[order.kind], ids, order.who, order.why)
    if order.kind is Kind.upload:
        advance_many(_by_parent(rows))
    return _all_done(order, cancelled)


def _cleanup(order: Order, rows: Rows) -> Said:
    ids = [row["job_id"] for row in rows]
    model = MODELS[order.kind]
    return _said(clean_up_many(model, ids, order.who, order.mark, order.operation))


def _delete(order: Order, rows: Rows) -> Said:
    ids = [row["job_id"] for row in rows]
    model, outputs = MODELS[order.kind], order.outputs
    return _said(delete_many(model, ids, order.who, order.operation, outputs=outputs))


def _sync(order: Order, rows: Rows) -> Said:
    ids = [row["job_id"] for row in rows]
    return _said(sync_many(list(MODELS[order.kind].objects(job_id__in=ids)), order.who))


def _all_done(order: Order, rows: Rows) -> Said:
    return {row["job_id"]: Line(row["job_id"], DONE_WORDS[order.action]) for row in rows}


def _said(answers: Mapping[str, Removed | Synced | Refusal]) -> Said:
    said: Said = {}
    for job_id, answer in answers.items():
        if isinstance(answer, Removed | Synced):
            said[job_id] = Line(job_id, answer.sentence(), answer.data())
        elif isinstance(answer, StorageFailed):
            said[job_id] = answer
        else:
            gone = isinstance(answer, lifecycle.NotFound)
            said[job_id] = Line(job_id, GONE if gone else str(answer), refused=True)
    return said


_TOGETHER: dict[Action, Callable[[Order, Rows], Said]] = {
    Action.retry: _retry,
    Action.cancel: _cancel,
    Action.cleanup: _cleanup,
    Action.delete: _delete,
    Action.sync: _sync,
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
