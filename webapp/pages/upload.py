"""The upload page: files in, one bar each."""

from flask import Blueprint, redirect, render_template
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from tasks.models import TranscodeJob
from tasks.settings import get_settings
from webapp.auth.access import require_role
from webapp.pages.partials import for_browser

bp = Blueprint("upload", __name__)


@bp.get("/upload")
@require_role("editor")
def show() -> Response:
    """The page; `static/upload.js` does the work, by the upload API."""
    limit = get_settings().max_upload_bytes
    return for_browser(render_template("pages/upload.html", limit=limit))


@bp.get("/jobs/of/<media_id>")
@require_role("viewer")
def job_of(media_id: str) -> Response:
    """To the latest job of a media, as the upload API names media only."""
    newest = TranscodeJob.objects(media_id=media_id).order_by("-created_at").only("job_id").first()
    if newest is None:
        raise NotFound("There is no job for this video.")
    return redirect(f"/jobs/{newest.job_id}", 303)
