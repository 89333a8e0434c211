"""Which jobs of a batch had been done when the worker was lost that did it."""

from collections.abc import Sequence

from tasks.control.actions import MODELS
from tasks.control.order import DONE_WORDS, Order, write_down
from tasks.infra.database import server_time
from tasks.jobs.advance_many import advance_many
from tasks.jobs.allowed import Action
from tasks.models import AuditEntry, JobLogLine, Kind, UploadJob
from tasks.records import job_log
from tasks.records.audit import Line
from tasks.removal.deletion import finish_many


def done_before(order: Order, ids: Sequence[str]) -> list[str]:
    """Those of a batch that were done before the worker was lost that did it; what it had not come
    to of them is done now."""
    done = _visited(order, ids)
    not_written_down = sorted(set(done).difference(_written_down(order, done)))
    write_down(order, [Line(job_id, DONE_WORDS[order.action]) for job_id in not_written_down])
    if order.action is not Action.delete:
        _log_again(order, done)
    if order.kind is Kind.transcode:
        if order.action is Action.retry:
            advance_many(done)
        elif order.action is Action.delete:
            finish_many(done)
    elif order.action in (Action.retry, Action.cancel):
        rows = UploadJob._get_collection().find({"job_id": {"$in": done}}, {"transcode_id": 1})
        advance_many(row["transcode_id"] for row in rows)
    return done


def _log_again(order: Order, ids: Sequence[str]) -> None:
    """Adds the lines to the log of jobs that are not there, by the history of each."""
    model = MODELS[order.kind]
    log_of = "job_id" if order.kind is Kind.transcode else "transcode_id"
    fields = {"job_id": 1, "transcode_id": 1, "history": 1}
    rows, whys = [], {}
    for row in model._get_collection().find({"job_id": {"$in": list(ids)}}, fields):
        line = next(line for line in row["history"] if line["why"].startswith(order.mark))
        rows.append({**row, "status": line["status"]})
        whys[row["job_id"]] = line["why"]
    logs = JobLogLine._get_collection().find(
        {"job_id": {"$in": [row[log_of] for row in rows]}, "message": {"$in": [*whys.values()]}},
        {"job_id": 1, "message": 1},
    )
    there = {(line["job_id"], line["message"]) for line in logs}
    missing = [row for row in rows if (row[log_of], whys[row["job_id"]]) not in there]
    stayed = order.action is Action.cleanup
    job_log.transitions(model, missing, order.who, whys, server_time(), stayed=stayed)


def _visited(order: Order, ids: Sequence[str]) -> list[str]:
    collection = MODELS[order.kind]._get_collection()
    there = {"job_id": {"$in": list(ids)}}
    if order.action is Action.delete:
        left = set(collection.distinct("job_id", there))
        return [job_id for job_id in ids if job_id not in left]
    if order.action is Action.sync:
        # Whoever syncs again finds nothing to do.
        return []
    # Nothing follows the mark, or what was removed: a full stop and a colon.
    visited = {"$elemMatch": {"why": {"$gte": f"{order.mark}.", "$lt": f"{order.mark};"}}}
    return list(collection.distinct("job_id", {**there, "history": visited}))


def _written_down(order: Order, ids: Sequence[str]) -> set[str]:
    query = {"target": {"$in": list(ids)}, "action": order.action.value, "result": "done"}
    if order.action is not Action.delete:
        query["data.operation"] = order.operation
    return {entry["target"] for entry in AuditEntry._get_collection().find(query, {"target": 1})}
