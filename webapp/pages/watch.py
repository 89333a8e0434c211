"""Where a playable media is watched."""

from flask import Blueprint, render_template
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from tasks.models import Media, TranscodeJob
from webapp import format as say
from webapp.auth.access import require_role
from webapp.pages import shelf
from webapp.pages.jobs import job_context
from webapp.pages.jobs.job_list import ROW_FIELDS
from webapp.pages.jobs.job_view import row as row_of
from webapp.pages.partials import for_browser
from webapp.title_names import names_of

bp = Blueprint("watch", __name__)

#: Jobs of a media that are listed, newest first.
JOBS_SHOWN = 10


@bp.get("/watch/<media_id>")
@require_role("viewer")
def show(media_id: str) -> Response:
    """The player, what is known of the media, and its jobs."""
    media = Media.objects(media_id=media_id).first()
    if media is None:
        raise NotFound("There is no such video.")
    name, kind_line = names_of(media)
    player = job_context.player(media, name)
    if player is None:
        raise NotFound("There is nothing to play here. It may still be on its way: see the jobs.")
    jobs = TranscodeJob.objects(media_id=media_id).only(*ROW_FIELDS)
    facts = [
        ("Quality", ", ".join(shelf.rungs(media)) or say.NOTHING),
        ("Length", say.clock(media.duration)),
        ("File", media.filename),
        ("Source", say.size(media.size)),
        ("Put in by", media.uploaded_by or say.NOTHING),
        ("Media id", media.media_id),
    ]
    page = render_template(
        "pages/watch.html",
        media_id=media_id,
        name=name,
        kind_line=kind_line,
        player=player,
        facts=facts,
        rows=[row_of(job, media, {}) for job in jobs.order_by("-created_at").limit(JOBS_SHOWN)],
    )
    return for_browser(page)
