"""``/api/upload/v1``: a file in and a job out in one call, and how far the job is."""

from flask import Blueprint, Response, request, url_for
from flask_login import current_user
from werkzeug.exceptions import BadRequest

from tasks.control.actions import act, find
from tasks.jobs.allowed import Action
from tasks.jobs.lifecycle import Conflict
from tasks.jobs.submit import job_id_for, submit
from tasks.models import Kind, Media, Status
from webapp import idempotency, multipart
from webapp.api import job_status
from webapp.api.answers import answered
from webapp.api.bodies import json_object, parsed
from webapp.api.playable_answer import playable_of
from webapp.api.upload import Convert, UploadFields
from webapp.api.v1_models import JobState, Queued, Retried, V1State, state_of
from webapp.auth.access import require_role
from webapp.deadline import in_time, without_deadline
from webapp.idempotency import idempotent
from webapp.intake import accept, stored_source
from webapp.openapi.documentation import documented
from webapp.urls import streaming_urls

bp = Blueprint("api_v1_upload", __name__, url_prefix="/api/upload/v1")

FAMILY = "V1 upload"


@bp.post("/upload")
@require_role("editor", scope="upload")
@documented(
    "Takes a video, or the key of one that is in the bucket, and queues its encoding.",
    tag=FAMILY,
    body=Convert,
    form=UploadFields,
    files={accept.FIELD: "The video file."},
    headers=idempotency.DOCUMENTED,
    answers={202: Queued},
    errors=idempotency.ERRORS,
)
@without_deadline
@idempotent
def upload() -> Response:
    """The answer comes as soon as the file has: nothing of the video is looked at for it."""
    media, client_id = _named_file() if request.is_json else (_sent_file(), None)
    with in_time():
        job = submit(
            media,
            who=current_user.name,
            client_id=client_id,
            job_id=idempotency.chosen("job", job_id_for(media)),
        )
    path = url_for(".status", job_id=job.job_id)
    answer = Queued(
        message="Queued!",
        job_id=job.job_id,
        video_id=media.media_id,
        check_status=f"GET {path}",
    )
    return answered(answer, 202, location=path)


@bp.get("/status/<job_id>")
@require_role("viewer")
@documented("How far a job is.", tag=FAMILY, answers={200: JobState})
def status(job_id: str) -> Response:
    """``progress`` is in percent; 100 is said of what is completed only."""
    job = find(Kind.transcode, job_id)
    state = state_of(Status(job.status))
    answer = JobState(job_id=job_id, status=state, progress=job_status.progress(job))
    media = Media.objects(media_id=job.media_id).first()
    # A stream that was deleted since has no address.
    if state is V1State.completed and media is not None and media.master_key:
        answer.hls_stream_url = str(streaming_urls(media)["master"])
    if media is not None and (playable := playable_of(media)) is not None:
        answer.playable = playable
    if state is V1State.failed:
        answer.error = job_status.error(job)
    return answered(answer)


@bp.post("/retry/<job_id>")
@require_role("editor")
@documented(
    "Has a failed job tried again, with the work that it has.",
    tag=FAMILY,
    headers=idempotency.DOCUMENTED,
    answers={202: Retried},
    errors=idempotency.ERRORS,
)
@idempotent
def retry(job_id: str) -> Response:
    """409 says the state of a job that has not failed."""
    try:
        act(Kind.transcode, Action.retry, job_id, current_user.name)
    except Conflict as error:
        state = state_of(Status(find(Kind.transcode, job_id).status))
        if state is V1State.failed:
            raise
        raise Conflict(f"This job is {state.value}: only a failed one is retried.") from error
    path = url_for(".status", job_id=job_id)
    answer = Retried(
        message="Queued again!", job_id=job_id, status=V1State.queued, check_status=f"GET {path}"
    )
    return answered(answer, 202, location=path)


def _sent_file() -> Media:
    if request.mimetype != multipart.MIMETYPE and not request.content_length:
        raise _no_file()
    return accept.receive(request, who=current_user.name)


def _named_file() -> tuple[Media, str | None]:
    body = json_object(request)
    if not body.get("s3Key"):
        raise _no_file()
    asked = parsed(Convert, body)
    return stored_source.media_of(asked.s3_key, who=current_user.name), asked.client_id


def _no_file() -> BadRequest:
    return BadRequest(
        f"No video file: send one in the field “{accept.FIELD}”, or as JSON the “s3Key” of one."
    )
