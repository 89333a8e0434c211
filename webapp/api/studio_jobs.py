"""``/v1/studio/transcoding-jobs`` and ``/v1/studio/upload-jobs``: the same for both kinds."""

from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_login import current_user
from werkzeug.exceptions import BadRequest

from tasks.control import bulk
from tasks.control.actions import act, find
from tasks.control.stuck import fix_stuck
from tasks.jobs.allowed import Action
from tasks.listing import cursor, jobs_query, totals
from tasks.listing.job_filter import JobFilter
from tasks.models import FINISHED, MODELS, Kind, Status
from tasks.models.bulk_operation import BulkOperation
from webapp.api.answers import answered
from webapp.api.bodies import json_object, parsed, parsed_query
from webapp.api.studio_answers import (
    ANSWERS,
    Done,
    Fix,
    FixStuckAnswer,
    OperationAnswer,
    done,
    row_fields,
    shown,
)
from webapp.api.studio_models import BulkBody, ClearBody, DeleteQuery, FixStuckBody, ListQuery
from webapp.auth.access import require_role
from webapp.openapi import documented

PATHS = {Kind.transcode: "transcoding-jobs", Kind.upload: "upload-jobs"}
_FAMILIES = {Kind.transcode: "Transcoding jobs", Kind.upload: "Upload jobs"}


def make_blueprint(kind: Kind) -> Blueprint:
    """The routes of one kind."""
    bp = Blueprint(f"studio_{kind.value}", __name__, url_prefix=f"/v1/studio/{PATHS[kind]}")
    family, answers = _FAMILIES[kind], ANSWERS[kind]

    @bp.get("")
    @require_role("viewer")
    @documented("Finds jobs.", tag=family, query=ListQuery, answers={200: answers.found})
    def list_jobs() -> Response:
        """``{total, totalIsExact, jobs, after}``; ``after`` is null on the last page."""
        query = parsed_query(ListQuery, request.args)
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
        except cursor.BadCursor as error:
            raise BadRequest(f"after: {error}") from None
        total = totals.total(model, chosen, page)
        return answered(
            answers.found(
                total=max(total.number, len(page.rows)),
                total_is_exact=total.exact,
                jobs=[shown(kind, job) for job in page.rows],
                after=page.after,
            )
        )

    @bp.get("/<job_id>")
    @require_role("viewer")
    @documented("One job, whole.", tag=family, answers={200: answers.job})
    def one_job(job_id: str) -> Response:
        """A job with its history, log and metadata. 404 no such job."""
        return answered(shown(kind, find(kind, job_id), whole=True))

    @bp.post("/<job_id>/retry")
    @require_role("editor")
    @documented("Lets a job be done again.", tag=family, answers={200: answers.done}, errors=(409,))
    def retry(job_id: str) -> Response:
        """Lets a failed or cancelled job wait again. 404, 409 in any other state."""
        return _do(answers.done, kind, Action.retry, job_id)

    @bp.post("/<job_id>/cancel")
    @require_role("editor")
    @documented("Ends a job.", tag=family, answers={200: answers.done}, errors=(409,))
    def cancel(job_id: str) -> Response:
        """Ends a waiting or active job. 404, 409 where it is finished or cannot be cancelled."""
        return _do(answers.done, kind, Action.cancel, job_id)

    @bp.post("/<job_id>/cleanup")
    @require_role("editor")
    @documented(
        "Removes what a job left.", tag=family, answers={200: answers.cleaned}, errors=(409,)
    )
    def clean_up(job_id: str) -> Response:
        """Removes what a failed or cancelled job left, and says what. 404, 409."""
        return _do(answers.cleaned, kind, Action.cleanup, job_id)

    @bp.post("/<job_id>/sync")
    @require_role("editor")
    @documented(
        "Holds a job against queue and bucket.",
        tag=family,
        answers={200: answers.synced},
        errors=(409,),
    )
    def sync(job_id: str) -> Response:
        """Holds a job against queue and bucket, repairs, and says before, after and why. 404."""
        return _do(answers.synced, kind, Action.sync, job_id)

    @bp.delete("/<job_id>")
    @require_role("editor")
    @documented(
        "Deletes a finished job.",
        tag=family,
        query=DeleteQuery,
        answers={200: answers.cleaned},
        errors=(409,),
    )
    def delete(job_id: str) -> Response:
        """Deletes a finished job, with ``?outputs=true`` what it made too. 404, 409."""
        outputs = parsed_query(DeleteQuery, request.args).outputs == "true"
        return _do(answers.cleaned, kind, Action.delete, job_id, outputs=outputs)

    @bp.post("/clear")
    @require_role("editor")
    @documented(
        "Deletes finished jobs.", tag=family, body=ClearBody, answers={202: OperationAnswer}
    )
    def clear() -> Response:
        """Deletes the rows of all jobs with one finished status, or with any, in the background."""
        body = parsed(ClearBody, json_object(request))
        statuses = sorted(FINISHED) if body.status == "all" else [Status(body.status)]
        chosen = JobFilter(statuses=tuple(statuses))
        return _accepted(bulk.start(kind, Action.delete, current_user.name, chosen=chosen))

    @bp.post("/bulk")
    @require_role("editor")
    @documented(
        "Does one action on many jobs.", tag=family, body=BulkBody, answers={202: OperationAnswer}
    )
    def many() -> Response:
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
    @documented(
        "Finds and fixes what is stuck.",
        tag=family,
        body=FixStuckBody,
        body_optional=True,
        answers={200: FixStuckAnswer},
    )
    def fix() -> Response:
        """Finds and fixes every stuck or orphaned job; ``{dryRun: true}`` only lists them."""
        body = parsed(FixStuckBody, json_object(request, empty=True))
        fixed = fix_stuck(kind.value, who=current_user.name, dry_run=body.dry_run)
        return answered(
            FixStuckAnswer(
                dry_run=body.dry_run,
                count=len(fixed),
                jobs=[Fix.model_validate(one) for one in fixed],
            )
        )

    return bp


def _accepted(row: BulkOperation) -> Response:
    path = url_for("studio_operations.one", operation_id=row.job_id)
    operation = OperationAnswer.model_validate(row)
    operation.status_url = path
    return answered(operation, 202, location=path)


def _do(
    model: type[Done[Any]], kind: Kind, action: Action, job_id: str, **options: Any
) -> Response:
    outcome = act(kind, action, job_id, current_user.name, **options)
    return answered(done(model, kind, job_id, outcome))
