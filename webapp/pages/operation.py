"""Bulk operations: all of them, and of one how far it is, what it skipped and why."""

from flask import Blueprint, render_template, request
from flask_login import current_user
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from tasks.control import operations
from tasks.jobs import lifecycle
from tasks.listing.cursor import BadCursor
from webapp.auth.access import allowed, require_role
from webapp.pages import operation_context
from webapp.pages.partials import for_browser

bp = Blueprint("operation", __name__)


@bp.get("/operations")
@require_role("viewer")
def index() -> Response:
    """Past and running ones, newest first; ``after`` is a place that a page gave out."""
    after = request.args.get("after")
    try:
        context = operation_context.list_context(after)
    except BadCursor as error:
        raise BadRequest(str(error)) from None
    live_query = "page=operations" + (f"&after={after}" if after else "")
    return for_browser(render_template("pages/operations.html", live_query=live_query, **context))


@bp.get("/operations/<operation_id>")
@require_role("viewer")
def show(operation_id: str) -> Response:
    """One operation's page."""
    context = operation_context.context(operation_id, can_edit=allowed("editor"))
    live_query = f"page=operation&id={operation_id}"
    return for_browser(render_template("pages/operation.html", live_query=live_query, **context))


@bp.post("/operations/<operation_id>/cancel")
@require_role("editor")
def cancel(operation_id: str) -> Response:
    """Ends it between two batches; 409 with the reason where it is over."""
    status, tone, words = 200, "ok", "Cancelled. What is done stays done."
    try:
        operations.cancel(operation_id, current_user.name)
    except lifecycle.Conflict as error:
        status, tone, words = 409, "refused", str(error)
    context = operation_context.context(operation_id, can_edit=True)
    html = render_template(
        "partials/operation_answer.html", toast_words=words, toast_tone=tone, **context
    )
    return for_browser(html, status)
