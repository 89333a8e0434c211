"""A media's state as a part of any page: put in by ``{% include %}``, or fetched by its address.

A page that has a ``media_id`` includes ``partials/media_status.html``; another lets htmx fetch
``/partials/media-status/{mediaId}``. Either way it renews itself every three seconds by htmx, so
that it needs nothing of the page around it, and stops when the media is ready or has failed.
"""

from typing import Any

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from tasks.models import Status
from webapp import media_lookup
from webapp.auth.access import require_role
from webapp.media_state import MediaStatus
from webapp.pages.partials import for_browser

bp = Blueprint("media_status", __name__)

WORDS = {
    MediaStatus.UPLOADED: "Uploaded",
    MediaStatus.PROCESSING: "Processing",
    MediaStatus.READY: "Ready",
    MediaStatus.FAILED: "Failed",
}
#: The colour of each state, which is that of the jobs' states.
TONES = {
    MediaStatus.UPLOADED: "waiting",
    MediaStatus.PROCESSING: "active",
    MediaStatus.READY: "completed",
    MediaStatus.FAILED: "failed",
}


@bp.get("/partials/media-status/<media_id>")
@require_role("viewer")
def show(media_id: str) -> Response:
    """The part alone. Of a media that is gone it says so, and does not ask again."""
    return for_browser(render_template("partials/media_status.html", media_id=media_id))


@bp.app_template_global("media_status")
def media_status(media_id: str) -> dict[str, Any]:
    """What the partial shows of a media; ``shown`` is None where there is no such media."""
    shown = media_lookup.shown(media_id)
    if shown is None:
        return {"shown": None}
    status = shown.state.status
    in_line = shown.state.job_state == Status.waiting
    word = "In line" if in_line else WORDS[status]
    return {"shown": shown, "word": word, "tone": "waiting" if in_line else TONES[status]}
