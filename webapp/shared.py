"""``/share/…``: the files of one video by a share link, for any player."""

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from tasks import keys
from webapp import media_files, share_links
from webapp.auth.access import public
from webapp.deadline import without_deadline
from webapp.openapi import documented

bp = Blueprint("shared", __name__, url_prefix="/share")


@bp.get("/<token>/<path:name>")
@public
@without_deadline
@documented(
    "A file of a shared video.",
    tag="Videos",
    headers=media_files.HEADERS,
    answers=media_files.answers("The file: a playlist, a segment, a picture or a subtitle."),
    errors=(416,),
)
def serve(token: str, name: str) -> Response:
    """What a share link opens: `master.m3u8`, and whatever that names relative to it. 404 for
    anything else, and where the link has expired or was revoked."""
    media_id = share_links.media_of(token)
    if media_id is None:
        raise NotFound("This link is wrong, has expired, or was revoked.")
    return media_files.for_other_sites(media_files.answer_of_stream(keys.video(media_id, name)))
