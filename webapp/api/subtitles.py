"""``/api/media/<id>/subtitles``: attach subtitles to a video, list them, delete them."""

import re
from typing import Literal

from flask import Blueprint, Response, request, url_for
from flask_login import current_user
from pydantic import BaseModel, Field
from werkzeug.exceptions import NotFound

from tasks.jobs.attach import attach, remove
from tasks.models import Media
from webapp.api import subtitle_view
from webapp.api.answers import Answer, At, answered
from webapp.auth.access import require_role
from webapp.deadline import in_time, without_deadline
from webapp.intake import subtitle_intake
from webapp.openapi import documented

bp = Blueprint("api_subtitles", __name__, url_prefix="/api/media")

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class SubtitleFields(BaseModel):
    """What is said of a subtitle file."""

    language: str | None = Field(None, description="A BCP 47 tag; else it is detected.")
    label: str | None = Field(None, max_length=subtitle_intake.MAX_LABEL)


class SubtitleAnswer(Answer):
    """A subtitle. ``status`` is `stored` while there is no stream yet, that of its upload job, or
    `completed` while players can choose it; ``error`` says why that cannot be."""

    id: str
    media_id: str
    filename: str
    language: str | None
    label: str | None
    origin: str
    status: Literal["stored", "waiting", "active", "completed", "failed", "cancelled"]
    cues: int | None
    left_out: list[str] = Field(
        [], description="Parts of the file that could not be read, each with its line and why."
    )
    job_id: str | None
    created_at: At
    created_by: str | None
    in_master: bool
    playlist_key: str = Field("", description="Where its playlist is, once it is in the stream.")
    file_key: str = Field("", description="Where it is as one file, once it is in the stream.")
    error: str = ""


class SubtitlesAnswer(Answer):
    """The subtitles of a video, the oldest first."""

    media_id: str
    subtitles: list[SubtitleAnswer]


@bp.get("/<media_id>/subtitles")
@require_role("viewer")
@documented("The subtitles of a video.", tag="Subtitles", answers={200: SubtitlesAnswer})
def index(media_id: str) -> Response:
    """All that are not deleted, also those that could not be read. 404 no such video."""
    media = find(media_id)
    return answered(
        SubtitlesAnswer.model_validate(
            {"media_id": media_id, "subtitles": subtitle_view.shown(media)}
        )
    )


@bp.post("/<media_id>/subtitles")
@require_role("editor", scope="upload")
@without_deadline
@documented(
    "Attaches a subtitle.",
    tag="Subtitles",
    files={"subtitle": "A .vtt or .srt file of at most 10 MB."},
    form=SubtitleFields,
    answers={201: SubtitleAnswer},
)
def create(media_id: str) -> Response:
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
        answer = SubtitleAnswer.model_validate(subtitle_view.one(media, subtitle))
    return answered(answer, 201, location=url_for(".index", media_id=media_id))


@bp.delete("/<media_id>/subtitles/<subtitle_id>")
@require_role("editor", scope="upload")
@documented("Deletes a subtitle.", tag="Subtitles", answers={204: None})
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
