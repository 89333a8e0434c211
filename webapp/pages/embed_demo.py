"""A page that shows what people put on pages of their own: the element ``<media-status>``."""

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from tasks.models import Media
from webapp.auth.access import require_role
from webapp.pages.partials import for_browser

bp = Blueprint("embed_demo", __name__)

#: Media that are offered, the newest.
OFFERED = 20


@bp.get("/embed-demo")
@require_role("viewer")
def show() -> Response:
    """The page; ``mediaId`` chooses the media, else it is the newest."""
    newest = Media.objects.only("media_id", "filename").order_by("-created_at").limit(OFFERED)
    media = [(row.media_id, row.filename) for row in newest]
    chosen = request.args.get("mediaId", "")[:100] or (media[0][0] if media else "")
    return for_browser(
        render_template("pages/embed_demo.html", media=media, chosen=chosen, media_id=chosen)
    )
