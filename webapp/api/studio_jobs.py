"""``/v1/studio/transcoding-jobs`` and ``/v1/studio/upload-jobs``: the same for both kinds."""

from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for
from flask_login import current_user
from werkzeug.exceptions import BadRequest

from tasks import jobs_query
from tasks.control import bulk
from tasks.control.actions import MODELS, act, find
from tasks.control.allowed import Action, Kind
from tasks.control.stuck import fix_stuck
from tasks.jobs_query import JobFilter
from tasks.models import FINISHED, Status
from tasks.models.bulk_operation import BulkOperation
from webapp.access import require_role
from webapp.api.bodies import json_object, parsed
from webapp.api.studio_models import (
    BulkBody,
    ClearBody,
    FixStuckBody,
    ListQuery,
    operation,
    row_fields,
    shown,
)

PATHS = {Kind.transcode: "transcoding-jobs", Kind.upload: "upload-jobs"}


def make_blueprint(kind: Kind) -> Blueprint:
    """The routes of one kind."""
    bp = Blueprint(f"studio_{kind.value}", __name__, url_prefix=f"/v1/studio/{PATHS[kind]}")

    @bp.get("")
    @require_role("viewer")
    def list_jobs() -> Response:
        """``{total, jobs, after}``, filtered and sorted; ``after`` is null on the last page."""
        query = parsed(ListQuery, request.args.to_dict())
        model, chosen = MODELS[kind], query.filter()
        try:
            page = jobs_query.find(
                model,
                chosen,
                order=query.sort,
                limit=query.limit,
                after=query.after,
                fields=row_fields(kind),
            )
        except jobs_query.BadCursor as error:
            raise BadRequest(f"after: {error}") from None
        return jsonify(
            total=jobs_query.count(model, chosen),
            jobs=[shown(kind, job) for job in page.rows],
            after=page.after,
        )

    @bp.get("/<job_id>")
    @require_role("viewer")
    def one_job(job_id: str) -> Response:
        """A job with its history, log and metadata. 404 no such job."""
        return jsonify(shown(kind, find(kind, job_id), whole=True))

    @bp.post("/<job_id>/retry")
    @require_role("editor")
    def retry(job_id: str) -> Response:
        """Lets a failed or cancelled job wait again. 404, 409 in any other state."""
        return _done(kind, Action.retry, job_id)

    @bp.post("/<job_id>/cancel")
    @require_role("editor")
    def cancel(job_id: str) -> Response:
        """Ends a waiting or active job. 404, 409 where it is finished or cannot be cancelled."""
        return _done(kind, Action.cancel, job_id)

    @bp.post("/<job_id>/cleanup")
    @require_role("editor")
    def clean_up(job_id: str) -> Response:
        """Removes what a failed or cancelled job left, and says what. 404, 409."""
        return _done(kind, Action.cleanup, job_id)

    @bp.post("/<job_id>/sync")
    @require_role("editor")
    def sync(job_id: str) -> Response:
        """Holds a job against queue and bucket, repairs, and says before, after and why. 404."""
        return _done(kind, Action.sync, job_id)

    @bp.delete("/<job_id>")
    @require_role("editor")
    def delete(job_id: str) -> Response:
        """Deletes a finished job, with ``?outputs=true`` what it made too. 404, 409."""
        outputs = request.args.get("outputs", "false")
        if outputs not in ("true", "false"):
            raise BadRequest(f"outputs is {outputs[:40]!r}: it is either true or false.")
        return _done(kind, Action.delete, job_id, outputs=outputs == "true")

    @bp.post("/clear")
    @require_role("editor")
    def clear() -> tuple[Response, int]:
        """Deletes the rows of all jobs with one finished status, or with any, in the background."""
        body = parsed(ClearBody, json_object(request))
        statuses = sorted(FINISHED) if body.status == "all" else [Status(body.status)]
        chosen = JobFilter(statuses=tuple(statuses))
        return _accepted(bulk.start(kind, Action.delete, current_user.name, chosen=chosen))

    @bp.post("/bulk")
    @require_role("editor")
    def many() -> tuple[Response, int]:
        """Does one action on many jobs, in the background; the answer says where it is told."""
        body = parsed(BulkBody, json_object(request))
        chosen = None if body.filter is None else body.filter.filter()
        started = bulk.start(
            kind,
            body.action,
            current_user.name,
            ids=body.ids,
            chosen=chosen,
            outputs=body.outputs,
        )
        return _accepted(started)

    @bp.post("/fix-stuck")
    @require_role("editor")
    def fix() -> Response:
        """Finds and fixes every stuck or orphaned job; ``{dryRun: true}`` only lists them."""
        body = parsed(FixStuckBody, json_object(request) if request.content_length else {})
        fixed = fix_stuck(kind.value, who=current_user.name, dry_run=body.dry_run)
        return jsonify(
            dryRun=body.dry_run,
            count=len(fixed),
            jobs=[
                {"jobId": one.job_id, "kind": one.kind, "reason": one.reason, "action": one.action}
                for one in fixed
            ],
        )

    return bp


def _accepted(row: BulkOperation) -> tuple[Response, int]:
    path = url_for("studio_operations.one", operation_id=row.job_id)
    answer = jsonify(**operation(row), statusUrl=path)
    answer.headers["Location"] = path
    return answer, 202


def _done(kind: Kind, action: Action, job_id: str, **options: Any) -> Response:
    outcome = act(kind, action, job_id, current_user.name, **options)
    job = None if outcome.job is None else shown(kind, outcome.job, whole=True)
    return jsonify(message=outcome.sentence, jobId=job_id, job=job, **outcome.data)
