"""The actions on jobs: each takes the ids of jobs of a kind, in few round trips; one is a batch of
one."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tasks.control.request import Outcome, Request, done, refused, write_down
from tasks.control.retrying import foretell
from tasks.control.sync import Synced, sync_many
from tasks.jobs import lifecycle
from tasks.jobs.advance import advance
from tasks.jobs.allowed import Action
from tasks.jobs.transition import Row
from tasks.models import (
    MODELS,
    UNFINISHED_VALUES,
    Kind,
    TranscodeJob,
    UploadJob,
    stored,
)
from tasks.removal.cleanup import clean_up_many
from tasks.removal.deletion import delete_many
from tasks.removal.held import Refusal, new_hold_token
from tasks.removal.removed import Removed

_FIELDS = dict.fromkeys(
    (
        "job_id",
        "status",
        "progress",
        "can_cancel",
        "media_id",
        "transcode_id",
        "upload_type",
        "upload_path",
    ),
    1,
)

Rows = Sequence[Row]
Outcomes = dict[str, Outcome]


def find(kind: Kind, job_id: str) -> TranscodeJob | UploadJob:
    """The job of an id. Raises NotFound."""
    return lifecycle.find(MODELS[kind], job_id)


def act(kind: Kind, action: Action, job_id: str, who: str, *, outputs: bool = False) -> Outcome:
    """``act_many`` on one job; the outcome has the job. Raises NotFound, Conflict, StorageFailed,
    redis.RedisError."""
    outcome = act_many(Request(kind, action, who, outputs=outputs), [job_id])[job_id]
    if outcome.error is not None:
        raise outcome.error
    if outcome.job is not None or action is Action.delete:
        return outcome
    return replace(outcome, job=find(kind, job_id))


def act_many(request: Request, ids: Sequence[str]) -> Outcomes:
    """Does an action on jobs, and writes it to the audit log, refused or done; the outcomes by id.

    Raises redis.RedisError, PyMongoError.
    """
    found = stored.collection(request.model).find({"job_id": {"$in": list(ids)}}, _FIELDS)
    rows = {row["job_id"]: row for row in found}
    outcomes: Outcomes = {}
    allowed = []
    for job_id in dict.fromkeys(ids):
        if job_id not in rows:
            outcomes[job_id] = refused(lifecycle.not_found(job_id))
        elif reason := lifecycle.refused(request.action, rows[job_id]):
            outcomes[job_id] = refused(lifecycle.Conflict(reason))
        else:
            allowed.append(rows[job_id])
    if allowed:
        outcomes |= _DO[request.action](request, allowed)
    write_down(request, outcomes)
    return outcomes


def _retry(request: Request, rows: Rows) -> Outcomes:
    if request.kind is Kind.upload:
        return _retry_uploads(request, rows)
    moved = lifecycle.retry_many(TranscodeJob, _ids(rows), request.who, request.why)
    advance(*_ids(moved))
    return done(request, moved) | _refused(request, rows, moved)


def _retry_uploads(request: Request, rows: Rows) -> Outcomes:
    foretold = foretell(rows)
    outcomes = {
        job_id: refused(answer) if isinstance(answer, lifecycle.Conflict) else Outcome(answer)
        for job_id, answer in foretold.items()
    }
    rows = [row for row in rows if outcomes[row["job_id"]].error is None]
    parents = _by_parent(rows)
    # The jobs first: while one is over, nothing of it may go on.
    lifecycle.resume(parents, request.who)
    moved = lifecycle.retry_many(UploadJob, _ids(rows), request.who, request.why)
    advance(*parents)
    # A resumed job may have let one of its uploads wait already.
    return outcomes | _refused(request, rows, [*moved, *_unfinished(rows, moved)])


def _unfinished(rows: Rows, moved: Rows) -> Rows:
    ids = list(set(_ids(rows)).difference(_ids(moved)))
    if not ids:
        return []
    query = {"job_id": {"$in": ids}, "status": {"$in": UNFINISHED_VALUES}}
    return list(stored.collection(UploadJob).find(query, _FIELDS))


def _cancel(request: Request, rows: Rows) -> Outcomes:
    moved = lifecycle.cancel_many(request.model, _ids(rows), request.who, request.why)
    if request.kind is Kind.upload:
        advance(*_by_parent(rows))
    outcomes = done(request, moved)
    if len(rows) == 1 and moved:
        # The row of one change is whole.
        job = request.model._from_son(moved[0])
        outcomes = {job.job_id: replace(outcomes[job.job_id], job=job)}
    return outcomes | _refused(request, rows, moved)


def _cleanup(request: Request, rows: Rows) -> Outcomes:
    token = request.operation or new_hold_token()
    return _answered(clean_up_many(request.model, _ids(rows), request.who, request.mark, token))


def _delete(request: Request, rows: Rows) -> Outcomes:
    token = request.operation or new_hold_token()
    ids = _ids(rows)
    return _answered(delete_many(request.model, ids, request.who, token, outputs=request.outputs))


def _sync(request: Request, rows: Rows) -> Outcomes:
    return _answered(sync_many(request.model, rows, request.who))


def _answered(answers: Mapping[str, Removed | Synced | Refusal]) -> Outcomes:
    return {
        job_id: Outcome(answer.sentence(), answer.data())
        if isinstance(answer, Removed | Synced)
        else refused(answer)
        for job_id, answer in answers.items()
    }


def _refused(request: Request, rows: Rows, moved: Rows) -> Outcomes:
    """The outcomes for rows that another process changed first."""
    left = sorted(set(_ids(rows)).difference(_ids(moved)))
    answers = lifecycle.why_not(request.model, request.action, left)
    return {job_id: refused(error) for job_id, error in answers.items()}


_DO: dict[Action, Callable[[Request, Rows], Outcomes]] = {
    Action.retry: _retry,
    Action.cancel: _cancel,
    Action.cleanup: _cleanup,
    Action.delete: _delete,
    Action.sync: _sync,
}


def _ids(rows: Rows) -> list[str]:
    return [row["job_id"] for row in rows]


def _by_parent(rows: Rows) -> dict[str, list[str]]:
    parents: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        parents[row["transcode_id"]].append(row["job_id"])
    return parents
