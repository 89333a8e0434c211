"""One job: its page, what opens below its row, and what can be done with it."""

from typing import Any

from flask import Blueprint, render_template, request
from flask_login import current_user
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from tasks.control.actions import act
from tasks.control.request import Outcome
from tasks.jobs import lifecycle
from tasks.jobs.allowed import Action
from tasks.models import Kind, TranscodeJob
from webapp.auth.access import allowed, require_role
from webapp.deadline import without_deadline
from webapp.pages.jobs import job_context, job_log_view
from webapp.pages.partials import for_browser

bp = Blueprint("job", __name__)

_ACTIONS = ",".join(action.value for action in Action)


@bp.get("/jobs/<job_id>")
@require_role("viewer")
def show(job_id: str) -> Response:
    """A job's page."""
    context = job_context.context(_found(job_id), can_edit=allowed("editor"))
    context |= job_log_view.context(job_id)
    live_query = f"page=job&id={job_id}"
    return for_browser(render_template("pages/job.html", live_query=live_query, **context))


@bp.get("/jobs/<job_id>/details")
@require_role("viewer")
def details(job_id: str) -> Response:
    """What opens below a transcode job's row."""
    context = job_context.context(_found(job_id), can_edit=allowed("editor"))
    return for_browser(render_template("partials/job_details.html", **context))


@bp.get("/jobs/upload/<job_id>/details")
@require_role("viewer")
def upload_details(job_id: str) -> Response:
    """What opens below an upload's row."""
    context = job_context.upload_context(job_id, can_edit=allowed("editor"))
    if context is None:
        raise NotFound("There is no upload with this id. It may have been deleted.")
    return for_browser(render_template("partials/upload_details.html", **context))


@bp.post(f"/jobs/<any(transcode,upload):kind>/<job_id>/<any({_ACTIONS}):action>")
@require_role("editor")
@without_deadline
def do(kind: str, job_id: str, action: str) -> Response:
    """Does one action and shows what became of the job; 409 with the reason where it cannot.

    ``outputs=1`` in the form lets a deletion take the outputs too.
    """
    before = _context(Kind(kind), job_id)
    if before is None:
        raise NotFound("There is no job with this id. It may have been deleted.")
    status, tone, outcome = 200, "ok", None
    try:
        outputs = request.form.get("outputs") == "1"
        outcome = act(Kind(kind), Action(action), job_id, current_user.name, outputs=outputs)
        words = f"{before['row'].name}: {outcome.sentence}"
    except lifecycle.NotFound as error:
        raise NotFound(str(error)) from error
    except lifecycle.Conflict as error:
        words, status, tone = str(error), 409, "refused"
    return for_browser(_answer(Kind(kind), job_id, before, outcome, words, tone), status)


def _answer(
    kind: Kind,
    job_id: str,
    before: dict[str, Any],
    outcome: Outcome | None,
    words: str,
    tone: str,
) -> str:
    gone = outcome is not None and outcome.job is None
    context = before if gone else _context(kind, job_id) or before
    path = request.headers.get("HX-Current-URL", "").split("?")[0]
    return render_template(
        "partials/action_answer.html",
        toast_words=words,
        toast_tone=tone,
        whole=path.endswith(f"/jobs/{job_id}"),
        gone=gone,
        **context,
    )


def _context(kind: Kind, job_id: str) -> dict[str, Any] | None:
    if kind is Kind.upload:
        return job_context.upload_context(job_id, can_edit=True)
    job = job_context.find(job_id)
    return None if job is None else job_context.context(job, can_edit=True)


def _found(job_id: str) -> TranscodeJob:
    job = job_context.find(job_id)
    if job is None:
        raise NotFound("There is no job with this id. It may have been deleted.")
    return job
