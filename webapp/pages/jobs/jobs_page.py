"""The jobs page: transcode jobs or, with `kind=upload`, upload jobs."""

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from webapp.auth.access import allowed, require_role
from webapp.pages.jobs import jobs_context
from webapp.pages.jobs.job_list import Listing
from webapp.pages.partials import for_browser

bp = Blueprint("jobs", __name__)


@bp.get("/jobs")
@require_role("viewer")
def index() -> Response:
    """The page, or for HTMX the parts of it that a filter changes."""
    chosen = Listing.of(request.args)
    context = jobs_context.context(chosen, can_edit=allowed("editor"))
    if request.headers.get("HX-Request"):
        return for_browser(render_template("partials/jobs_answer.html", **context))
    return for_browser(render_template("pages/jobs.html", live_query="page=jobs", **context))
