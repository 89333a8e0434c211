"""``/api/media/<id>/subtitles``: attach subtitles to a video, list them, delete them."""

import re

from flask import Blueprint, Response, jsonify, request, url_for
from flask_login import current_user
from werkzeug.exceptions import NotFound

from tasks.models import Media
from tasks.subtitles.attach import attach, remove
from webapp import subtitle_intake, subtitle_view
from webapp.access import require_role
from webapp.deadline import in_time, without_deadline

bp = Blueprint("api_subtitles", __name__, url_prefix="/api/media")

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@bp.get("/<media_id>/subtitles")
@require_role("viewer")
def index(media_id: str) -> Response:
    """``{mediaId, subtitles: [{id, filename, language, label, origin, status, error?, …}]}``.

    404 no such video.
    """
    media = find(media_id)
    return jsonify(mediaId=media_id, subtitles=subtitle_view.shown(media))


@bp.post("/<media_id>/subtitles")
@require_role("editor")
@without_deadline
def create(media_id: str) -> tuple[Response, int]:
    """Takes the multipart field ``subtitle`` (.vtt or .srt) with ``language`` (BCP 47; else it is
    detected) and ``label``, and answers 201. Whether the file can be read shows in its upload job.

    400 no file, 404 no such video, 413 above 10 MB, 415 another kind of file, 422 no such language.
    """
    with in_time():
        find(media_id)
    received = subtitle_intake.receive(request)
    with in_time():
        media = find(media_id)
        subtitle = attach(
            media,
            received.filename,
            received.data,
            who=current_user.name,
            language=received.language,
            label=received.label,
        )
        answer = jsonify(subtitle_view.one(media, subtitle))
    answer.headers["Location"] = url_for(".index", media_id=media_id)
    return answer, 201


@bp.delete("/<media_id>/subtitles/<subtitle_id>")
@require_role("editor")
def delete(media_id: str, subtitle_id: str) -> tuple[str, int]:
    """Takes a subtitle out of the stream and removes its files. 204, or 404 where there is none."""
    find(media_id)
    if not _ID.fullmatch(subtitle_id):
        raise NotFound("There is no such subtitle.")
    remove(media_id, subtitle_id, current_user.name)
    return "", 204


def find(media_id: str) -> Media:
    """The media of an id. Raises NotFound."""
    media = Media.objects(media_id=media_id).first() if _ID.fullmatch(media_id) else None
    if media is None:
        raise NotFound("There is no such video.")
    found: Media = media
    return found
