"""``/api/upload``: put a video in, have it encoded, and ask how far it is."""

import re
from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for
from flask_login import current_user
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.exceptions import NotFound, UnprocessableEntity

from tasks.jobs_query import JobFilter, count
from tasks.models import Media, TranscodeJob
from tasks.submit import submit
from webapp import intake
from webapp.access import require_role
from webapp.api import job_status
from webapp.api.bodies import json_object, parsed
from webapp.deadline import without_deadline

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


@bp.post("/video")
@require_role("editor")
@without_deadline
def upload() -> tuple[Response, int]:
    """Takes the multipart field ``video`` (and ``titleId``) and answers 201 with its id and key.

    400 no file, 413 too large, 415 not multipart, 422 no such title.
    """
    media = intake.receive(request, who=current_user.name)
    answer = jsonify(
        message="Video uploaded successfully",
        video={
            "id": media.media_id,
            "filename": media.source_key,
            "s3Key": media.source_key,
        },
        nextSteps={
            "convertToHls": f"POST {url_for('.convert', video_id=media.media_id)}",
            "body": {"s3Key": media.source_key},
        },
    )
    answer.headers["Location"] = url_for(".status", video_id=media.media_id)
    return answer, 201


@bp.post("/convert-to-hls/<video_id>")
@require_role("editor")
def convert(video_id: str) -> tuple[Response, int]:
    """Starts encoding; where it runs already, says the same.

    404 no such video, 415 not JSON, 422 an ``s3Key`` that isn't this video's.
    """
    asked = parsed(Convert, json_object(request))
    media = _media(video_id)
    if asked.s3_key != media.source_key:
        raise UnprocessableEntity("This s3Key does not belong to this video.")
    submit(media, who=current_user.name, client_id=asked.client_id)
    status_path = url_for(".status", video_id=video_id)
    return jsonify(
        message="Video encoding started successfully",
        videoId=video_id,
        status="processing",
        monitorProgress=f"GET {status_path}",
        cloudWatchLogs=f"Not in CloudWatch: GET {status_path} tells progress and errors",
    ), 202


@bp.get("/status/<video_id>")
@require_role("viewer")
def status(video_id: str) -> Response:
    """How far a video is. 404 no such video."""
    media = _media(video_id)
    return jsonify(job_status.details(media, _latest_job(video_id)))


@bp.get("/jobs")
@require_role("viewer")
def jobs() -> Response:
    """The latest jobs, newest first, ``limit`` of them at most; ``totalJobs`` counts all."""
    page = parsed(Page, request.args.to_dict())
    rows = TranscodeJob.objects.only(*job_status.FIELDS).order_by("-created_at", "-job_id")
    return jsonify(
        totalJobs=count(TranscodeJob, JobFilter()),
        jobs=[job_status.summary(job.media_id, job) for job in rows.limit(page.limit)],
    )


@bp.get("/streaming/<video_id>")
@require_role("viewer")
def streaming(video_id: str) -> Response:
    """Where to play a video, or why that cannot be yet. 404 no such video."""
    media = _media(video_id)
    state = job_status.details(media, _latest_job(video_id))
    if state["status"] == "completed":
        return jsonify({key: state[key] for key in ("videoId", "status", "streamingUrls")})
    messages = {
        "processing": "Video is still being encoded",
        "uploaded": "Video has not been encoded yet",
        "failed": "Video could not be encoded",
    }
    answer: dict[str, Any] = {
        "message": messages[state["status"]],
        **{key: state[key] for key in ("videoId", "status", "progress")},
        "checkStatus": f"GET {url_for('.status', video_id=video_id)}",
    }
    if "error" in state:
        answer["error"] = state["error"]
    return jsonify(answer)


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
