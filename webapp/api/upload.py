"""``/api/upload``: put a video in, have it encoded, and ask how far it is."""

import re
from typing import Literal

from flask import Blueprint, Response, request, url_for
from flask_login import current_user
from pydantic import BaseModel, ConfigDict, Field, RootModel
from werkzeug.exceptions import NotFound, UnprocessableEntity

from tasks.cloudwatch.entry import stream_of
from tasks.jobs.submit import job_id_for, submit
from tasks.listing import job_counts
from tasks.models import Media, TrainingModule, TranscodeJob
from tasks.settings import get_settings
from webapp import idempotency
from webapp.api import job_status, modules_models
from webapp.api.answers import Answer, answered
from webapp.api.bodies import json_object, parsed, parsed_query
from webapp.api.job_status import StreamingUrls, VideoDetails, VideoState
from webapp.auth.access import require_role
from webapp.deadline import without_deadline
from webapp.idempotency import idempotent
from webapp.intake import accept
from webapp.openapi import documented

bp = Blueprint("api_upload", __name__, url_prefix="/api/upload")

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Convert(BaseModel):
    """The body of convert-to-hls; ``clientId`` is repeated in the job's events."""

    model_config = ConfigDict(populate_by_name=True)

    s3_key: str = Field(alias="s3Key", min_length=1, max_length=1024)
    client_id: str | None = Field(None, alias="clientId", min_length=1, max_length=200)


class Page(BaseModel):
    """Query parameters of the list of jobs."""

    limit: int = Field(100, ge=1, le=1000)


class StatusAnswer(RootModel[VideoDetails | modules_models.ModuleStatus]):
    """How far a video is, or a training module, whichever has the id."""


class UploadFields(BaseModel):
    """What comes with the file."""

    title_id: str | None = Field(
        None, alias="titleId", description="What it belongs to: put it before the file."
    )


class StoredVideo(Answer):
    """The file, stored."""

    id: str
    filename: str
    s3_key: str = Field(alias="s3Key")


class ConvertBody(Answer):
    """What convert-to-hls needs."""

    s3_key: str = Field(alias="s3Key")


class NextSteps(Answer):
    """The request that starts encoding."""

    convert_to_hls: str
    body: ConvertBody


class UploadAnswer(Answer):
    """A stored video, and what to ask for next."""

    message: str
    video: StoredVideo
    next_steps: NextSteps


class ConvertAnswer(Answer):
    """Encoding has begun."""

    message: str
    video_id: str
    status: Literal["processing"]
    monitor_progress: str
    cloud_watch_logs: str


class JobsAnswer(Answer):
    """The latest jobs, the newest first; ``totalJobs`` counts all."""

    total_jobs: int
    jobs: list[VideoState]


class Stream(Answer):
    """Where to play a completed video."""

    video_id: str
    status: Literal["completed"]
    streaming_urls: StreamingUrls


class NoStream(Answer):
    """Why there is nothing to play, and where to ask again."""

    message: str
    video_id: str
    status: Literal["uploaded", "processing", "failed"]
    progress: int
    check_status: str
    error: str = ""


class StreamingAnswer(RootModel[Stream | NoStream]):
    """Where to play a video, or why that cannot be yet."""


@bp.post("/video")
@require_role("editor", scope="upload")
@without_deadline
@documented(
    "Stores a video.",
    tag="Upload",
    files={"video": "The video, of at most MAX_UPLOAD_BYTES."},
    form=UploadFields,
    headers=idempotency.DOCUMENTED,
    answers={201: UploadAnswer},
    errors=idempotency.ERRORS,
)
@idempotent
def upload() -> Response:
    """Takes the multipart field ``video`` (and ``titleId``) and answers 201 with its id and key.

    400 no file, 413 too large, 415 not multipart, 422 no such title.
    """
    media = accept.receive(request, who=current_user.name)
    return answered(
        UploadAnswer(
            message="Video uploaded successfully",
            video=StoredVideo(
                id=media.media_id, filename=media.source_key, s3_key=media.source_key
            ),
            next_steps=NextSteps(
                convert_to_hls=f"POST {url_for('.convert', video_id=media.media_id)}",
                body=ConvertBody(s3_key=media.source_key),
            ),
        ),
        201,
        location=url_for(".status", video_id=media.media_id),
    )


@bp.post("/convert-to-hls/<video_id>")
@require_role("editor", scope="upload")
@documented(
    "Starts encoding.",
    tag="Upload",
    body=Convert,
    headers=idempotency.DOCUMENTED,
    answers={202: ConvertAnswer},
    errors=idempotency.ERRORS,
)
@idempotent
def convert(video_id: str) -> Response:
    """Starts encoding; where it runs already, says the same.

    404 no such video, 415 not JSON, 422 an ``s3Key`` that isn't this video's.
    """
    asked = parsed(Convert, json_object(request))
    media = _media(video_id)
    if asked.s3_key != media.source_key:
        raise UnprocessableEntity("This s3Key does not belong to this video.")
    submit(
        media,
        who=current_user.name,
        client_id=asked.client_id,
        job_id=idempotency.chosen("job", job_id_for(media)),
    )
    status_path = url_for(".status", video_id=video_id)
    return answered(
        ConvertAnswer(
            message="Video encoding started successfully",
            video_id=video_id,
            status="processing",
            monitor_progress=f"GET {status_path}",
            cloud_watch_logs=_where_logged(video_id, status_path),
        ),
        202,
    )


@bp.get("/status/<video_id>")
@require_role("viewer")
@documented("How far a video or a module is.", tag="Upload", answers={200: StatusAnswer})
def status(video_id: str) -> Response:
    """A training module's id is good too, and answers with its steps. 404 where it is neither."""
    module = TrainingModule.objects(job_id=video_id).first() if _ID.fullmatch(video_id) else None
    if module is not None:
        return answered(modules_models.status_of(module))
    media = _media(video_id)
    return answered(job_status.details(media, _latest_job(video_id)))


@bp.get("/jobs")
@require_role("viewer")
@documented("The latest jobs.", tag="Upload", query=Page, answers={200: JobsAnswer})
def jobs() -> Response:
    """The latest jobs, newest first, ``limit`` of them at most; ``totalJobs`` counts all."""
    page = parsed_query(Page, request.args)
    rows = TranscodeJob.objects.only(*job_status.FIELDS).order_by("-created_at", "-job_id")
    return answered(
        JobsAnswer(
            total_jobs=job_counts.counts(TranscodeJob)["total"],
            jobs=[job_status.summary(job.media_id, job) for job in rows.limit(page.limit)],
        )
    )


@bp.get("/streaming/<video_id>")
@require_role("viewer")
@documented("Where to play a video.", tag="Upload", answers={200: StreamingAnswer})
def streaming(video_id: str) -> Response:
    """Where to play a video, or why that cannot be yet. 404 no such video."""
    media = _media(video_id)
    state = job_status.details(media, _latest_job(video_id))
    if state.status == "completed" and state.streaming_urls is not None:
        return answered(
            Stream(video_id=video_id, status="completed", streaming_urls=state.streaming_urls)
        )
    messages = {
        "processing": "Video is still being encoded",
        "uploaded": "Video has not been encoded yet",
        "failed": "Video could not be encoded",
    }
    answer = NoStream.model_validate(
        {
            "message": messages[state.status],
            "video_id": video_id,
            "status": state.status,
            "progress": state.progress,
            "check_status": f"GET {url_for('.status', video_id=video_id)}",
        }
    )
    if state.error:
        answer.error = state.error
    return answered(answer)


def _where_logged(video_id: str, status_path: str) -> str:
    if get_settings().cloudwatch_group is None:
        return f"Not in CloudWatch: GET {status_path} tells progress and errors"
    return f"Check CloudWatch logs for {stream_of(video_id)} stream"


def _media(video_id: str) -> Media:
    media = Media.objects(media_id=video_id).first() if _ID.fullmatch(video_id) else None
    if media is None:
        raise NotFound("There is no such video.")
    found: Media = media
    return found


def _latest_job(video_id: str) -> TranscodeJob | None:
    job: TranscodeJob | None = (
        TranscodeJob.objects(media_id=video_id)
        .only(*job_status.FIELDS)
        .order_by("-created_at")
        .first()
    )
    return job
