"""``/api/videos``: a video as a thing: look at it, change, replace, share, download and delete."""

import re
from urllib.parse import quote

from flask import Blueprint, Response, request, url_for
from flask_login import current_user
from werkzeug.exceptions import NotFound, UnprocessableEntity

from tasks import streams
from tasks.control.videos import NoSuchTitle, change
from tasks.models import Media, TrainingModule, TranscodeJob
from tasks.removal.videos import delete_videos
from webapp import media_files, share_links, urls, video_mp4
from webapp.api.answers import answered
from webapp.api.bodies import json_object, parsed
from webapp.api.streams import answer as stream_answer
from webapp.api.subtitles import find
from webapp.api.videos_models import (
    ChangeVideo,
    DeletedAnswer,
    DeleteVideos,
    MakeShare,
    ReplacedAnswer,
    ShareAnswer,
    SharesAnswer,
    StreamingAnswer,
    VideoAnswer,
    share_answer,
    shares_answer,
)
from webapp.auth.access import require_role
from webapp.deadline import in_time, without_deadline
from webapp.intake import accept
from webapp.intake.file_names import safe_name
from webapp.openapi import Content, documented
from webapp.title_names import names_of

bp = Blueprint("api_videos", __name__, url_prefix="/api/videos")

FAMILY = "Videos"
#: Jobs and modules that are named, the newest.
NAMED = 20
#: What a browser may take for what it says to be; anything else is bytes.
_PLAYABLE = re.compile(r"(video|audio)/[\w.+-]{1,60}")


@bp.get("/<media_id>")
@require_role("viewer")
@documented("A video.", tag=FAMILY, answers={200: VideoAnswer})
def show(media_id: str) -> Response:
    """What is known of it, and where it is played. 404 no such video."""
    return answered(_answer(find(media_id)))


@bp.patch("/<media_id>")
@require_role("editor")
@documented(
    "Renames a video, or moves it to another title.",
    tag=FAMILY,
    body=ChangeVideo,
    answers={200: VideoAnswer},
    errors=(404,),
)
def patch(media_id: str) -> Response:
    """Jobs that there are keep their names. 404 no such video, 422 no such title."""
    asked = parsed(ChangeVideo, json_object(request))
    find(media_id)
    changes = {name: getattr(asked, name) for name in asked.model_fields_set}
    try:
        return answered(_answer(change(media_id, changes, current_user.name)))
    except NoSuchTitle as error:
        raise UnprocessableEntity(str(error)) from None


@bp.delete("/<media_id>")
@require_role("editor")
@documented("Deletes a video.", tag=FAMILY, answers={202: DeletedAnswer})
def delete(media_id: str) -> Response:
    """Its source, streams, subtitles, modules, jobs and links, for good; what runs for it is
    cancelled. It is gone for everybody at once, and its files within seconds. 404 no such video."""
    find(media_id)
    return _deleted([media_id])


@bp.post("/delete")
@require_role("editor")
@documented("Deletes many videos.", tag=FAMILY, body=DeleteVideos, answers={202: DeletedAnswer})
def delete_many() -> Response:
    """As one is deleted; `unknown` are ids of no video."""
    return _deleted(parsed(DeleteVideos, json_object(request)).ids)


def _deleted(ids: list[str]) -> Response:
    deleted = delete_videos(ids, current_user.name)
    unknown = sorted(set(ids).difference(deleted))
    return answered(DeletedAnswer(deleted=deleted, unknown=unknown), 202)


@bp.post("/<media_id>/source")
@require_role("editor", scope="upload")
@without_deadline
@documented(
    "Replaces the source of a video.",
    tag=FAMILY,
    files={accept.FIELD: "The video file."},
    answers={202: ReplacedAnswer},
    errors=(409,),
)
def replace(media_id: str) -> Response:
    """Takes the multipart field ``video`` and encodes it. The video keeps its id and its addresses,
    and plays as before until the new stream is there. 404 no such video, 409 where it was deleted
    or replaced meanwhile."""
    with in_time():
        media = find(media_id)
    job = accept.receive_source(request, media, who=current_user.name)
    with in_time():
        answer = ReplacedAnswer(video_id=media_id, job_id=job.job_id, status="processing")
        return answered(answer, 202, location=url_for("api_upload.status", video_id=media_id))


@bp.get("/<media_id>/source")
@require_role("viewer")
@without_deadline
@documented(
    "The source, as it was put in.",
    tag=FAMILY,
    headers=media_files.HEADERS,
    answers=media_files.answers("The file."),
    errors=(416,),
)
def source(media_id: str) -> Response:
    """As a download, with ranges. 404 no such video."""
    media = find(media_id)
    response = media_files.answer(media.source_key)
    kind = media.content_type or ""
    response.content_type = kind if _PLAYABLE.fullmatch(kind) else "application/octet-stream"
    return _as_download(response, media.filename)


@bp.get("/<media_id>/renditions/<rendition>.mp4")
@require_role("viewer")
@without_deadline
@documented(
    "A rendition as one MP4.",
    tag=FAMILY,
    headers={"Range": media_files.HEADERS["Range"]},
    answers={
        200: Content("video/mp4", "The file."),
        206: Content("video/mp4", "The range of it that `Range` asked for."),
    },
    errors=(416,),
)
def mp4(media_id: str, rendition: str) -> Response:
    """Picture and sound of the live stream, joined without encoding anything. 404 where there is no
    such video or rendition, or nothing to play yet."""
    media = find(media_id)
    try:
        file = video_mp4.joined(media_files.storage(), media, rendition)
    except video_mp4.NoSuchRendition as error:
        raise NotFound(str(error)) from None
    except (KeyError, ValueError):
        raise NotFound("Files of this stream are missing: encode the video again.") from None
    response = media_files.ranged(file.size, file.read)
    response.content_type = "video/mp4"
    name = names_of(media)[0]
    stem = name.rpartition(".")[0] or name
    return _as_download(response, f"{stem} {rendition}.mp4")


@bp.get("/<media_id>/shares")
@require_role("editor")
@documented("The share links of a video.", tag=FAMILY, answers={200: SharesAnswer})
def shares(media_id: str) -> Response:
    """Those that can be used. 404 no such video."""
    return answered(shares_answer(find(media_id)))


@bp.post("/<media_id>/shares")
@require_role("editor")
@documented(
    "Makes a share link.",
    tag=FAMILY,
    body=MakeShare,
    answers={201: ShareAnswer},
    errors=(404,),
)
def share(media_id: str) -> Response:
    """Whoever has it plays this video in any player, without signing in, until it expires or is
    ended. 404 no such video."""
    asked = parsed(MakeShare, json_object(request))
    made = share_links.make(find(media_id), asked.days, current_user.name)
    return answered(share_answer(made), 201, location=url_for(".shares", media_id=media_id))


@bp.delete("/<media_id>/shares/<share_id>")
@require_role("editor")
@documented("Ends a share link.", tag=FAMILY, answers={204: None})
def revoke(media_id: str, share_id: str) -> tuple[str, int]:
    """For everybody who has it, within seconds. 404 where there is none that is good."""
    find(media_id)
    share_links.revoke(media_id, share_id, current_user.name)
    return "", 204


def _as_download(response: Response, filename: str) -> Response:
    plain = safe_name(filename)
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename)}"
    )
    return response


def _answer(media: Media) -> VideoAnswer:
    of_media = {"media_id": media.media_id}
    jobs = TranscodeJob.objects(**of_media).order_by("-created_at").limit(NAMED)
    modules = TrainingModule.objects(**of_media).order_by("-created_at").limit(NAMED)
    streaming = None
    if media.master_key:
        streaming = StreamingAnswer.model_validate(urls.streaming_urls(media))
    return VideoAnswer(
        id=media.media_id,
        name=names_of(media)[0],
        filename=media.filename,
        title_id=media.title_id,
        size=media.size,
        content_type=media.content_type,
        duration=media.duration,
        uploaded_by=media.uploaded_by,
        created_at=media.created_at,
        published_at=media.published_at,
        s3_key=media.source_key,
        streaming=streaming,
        streams=[stream_answer(row) for row in streams.of_media(media)],
        jobs=list(jobs.scalar("job_id")),
        modules=list(modules.scalar("job_id")),
    )
