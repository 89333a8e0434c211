"""Finds the jobs of a batch that a bulk operation had done before its worker was lost."""

from collections.abc import Sequence
from typing import Any

from tasks.control.request import DONE_WORDS, Outcome, Request, write_down
from tasks.jobs.advance import advance
from tasks.jobs.allowed import Action
from tasks.jobs.transition import Row
from tasks.models import AuditEntry, JobLogLine, Kind, UploadJob, stored
from tasks.records import job_log
from tasks.removal.deletion import finish_many


def done_before(request: Request, ids: Sequence[str]) -> list[str]:
    """The ids of a batch that were done before the worker was lost; does what it left undone of
    them: advancing their jobs, their audit entries and their lines in the log."""
    done = _visited(request, ids)
    not_written_down = sorted(set(done).difference(_written_down(request, done)))
    write_down(
        request, {job_id: Outcome(DONE_WORDS[request.action]) for job_id in not_written_down}
    )
    if request.action is not Action.delete:
        _log_again(request, done)
    if request.kind is Kind.transcode:
        if request.action is Action.retry:
            advance(*done)
        elif request.action is Action.delete:
            finish_many(done)
    elif request.action in (Action.retry, Action.cancel):
        rows = stored.collection(UploadJob).find({"job_id": {"$in": done}}, {"transcode_id": 1})
        advance(*(row["transcode_id"] for row in rows))
    return done


def _log_again(request: Request, ids: Sequence[str]) -> None:
    """Adds the lines to the log of jobs that are not there, by the history of each."""
    model = request.model
    log_of = "job_id" if request.kind is Kind.transcode else "transcode_id"
    fields = {"job_id": 1, "transcode_id": 1, "history": 1}
    rows: list[Row] = []
    whys: dict[str, str] = {}
    for row in stored.collection(model).find({"job_id": {"$in": list(ids)}}, fields):
        line = next(line for line in row["history"] if line["why"].startswith(request.mark))
        rows.append({**row, "status": line["status"], "updated_at": line["at"]})
        whys[row["job_id"]] = line["why"]
    logs = stored.collection(JobLogLine).find(
        {"job_id": {"$in": [row[log_of] for row in rows]}, "message": {"$in": [*whys.values()]}},
        {"job_id": 1, "message": 1},
    )
    there = {(line["job_id"], line["message"]) for line in logs}
    missing = [row for row in rows if (row[log_of], whys[row["job_id"]]) not in there]
    stayed = request.action is Action.cleanup
    job_log.transitions(model, missing, request.who, whys, stayed=stayed)


def _visited(request: Request, ids: Sequence[str]) -> list[str]:
    collection = stored.collection(request.model)
    there = {"job_id": {"$in": list(ids)}}
    if request.action is Action.delete:
        left = set(collection.distinct("job_id", there))
        return [job_id for job_id in ids if job_id not in left]
    if request.action is Action.sync:
        # A second sync finds nothing to do.
        return []
    # Nothing follows the mark, or what was removed: a full stop and a colon.
    visited = {"$elemMatch": {"why": {"$gte": f"{request.mark}.", "$lt": f"{request.mark};"}}}
    return list(collection.distinct("job_id", {**there, "history": visited}))


def _written_down(request: Request, ids: Sequence[str]) -> set[str]:
    query: dict[str, Any] = {
        "target": {"$in": list(ids)},
        "action": request.action.value,
        "result": "done",
    }
    if request.action is not Action.delete:
        query["data.operation"] = request.operation
    return {entry["target"] for entry in stored.collection(AuditEntry).find(query, {"target": 1})}
