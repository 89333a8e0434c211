"""The library: what is playable, as posters."""

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from webapp.auth.access import allowed, require_role
from webapp.pages import shelf
from webapp.pages.partials import for_browser

bp = Blueprint("library", __name__)


@bp.get("/library")
@require_role("viewer")
def index() -> Response:
    """The page, or for HTMX the part that a search changes."""
    search, before = request.args.get("q", ""), request.args.get("before")
    context = shelf.context(search, before, can_edit=allowed("editor"))
    if request.headers.get("HX-Request"):
        return for_browser(render_template("partials/shelf_answer.html", **context))
    return for_browser(
        render_template("pages/library.html", live_query=shelf.live_query(context), **context)
    )
