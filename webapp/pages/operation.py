"""A bulk operation: how far it is, and what it skipped and why."""

from flask import Blueprint, render_template
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from webapp.access import require_role
from webapp.pages import operation_context
from webapp.pages.partials import for_browser

bp = Blueprint("operation", __name__)


@bp.get("/operations/<operation_id>")
@require_role("viewer")
def show(operation_id: str) -> Response:
    """The page."""
    context = operation_context.context(operation_id)
    if context is None:
        raise NotFound("There is no operation with this id.")
    live_query = f"page=operation&id={operation_id}"
    return for_browser(render_template("pages/operation.html", live_query=live_query, **context))
