"""Something of each kind in the database and the bucket, for tests that ask for anything."""

import uuid
from collections.abc import Mapping, Sequence

from tasks import streams
from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.models import (
    Media,
    Status,
    Stream,
    Subtitle,
    Title,
    TrainingModule,
    TranscodeJob,
    UploadJob,
)
from tasks.models.bulk_operation import BulkOperation
from tasks.models.clock import now
from tasks.queue import broker
from tests.webapp.pages import rows
from webapp.auth import accounts

#: Path parameter → values of it that name something.
Ids = Mapping[str, Sequence[str]]


def seed(workers: Sequence[str] = ()) -> Ids:
    """Writes the rows in place of those of before, and returns by which ids paths reach them; the
    app is connected.

    ``workers`` are names of workers that are alive.
    """
    for model in (Media, Stream, TranscodeJob, UploadJob, Subtitle, Title):
        model.objects.delete()
    for work in (BulkOperation, TrainingModule):
        work.objects.delete()
    playable = rows.media(playable=True)
    key = str(playable.master_key)
    get_storage().put_bytes(key, b"#EXTM3U\n", "application/vnd.apple.mpegurl")
    made = rows.job("completed", of=playable)
    jobs = [made, *(rows.job(status) for status in Status if status is not Status.completed)]
    uploads = [rows.upload(status, rendition=f"{status}", of=made) for status in Status]
    media = [str(playable.media_id), *(str(job.media_id) for job in jobs[1:]), _unasked()]
    return {
        "videoId": media,
        "mediaId": media,
        "jobId": [str(job.job_id) for pair in zip(jobs, uploads, strict=True) for job in pair],
        "subtitleId": [_subtitle(playable)],
        "streamId": [stream.stream_id for stream in streams.of_media(playable)],
        "operationId": [_operation()],
        "name": [broker.CHUNKS, *workers],
        "key": [key],
        "titleId": [_title()],
        "moduleId": [_module(playable, status) for status in Status],
        "stepId": ["s1"],
        "kind": ["transcode", "upload"],
        "action": ["retry", "cancel", "delete"],
        "status": ["completed", "failed"],
        "userId": [_person()],
        "family": ["upload"],
        "driftId": [f"transcode:{_stuck().job_id}"],
    }


def _unasked() -> str:
    """A media that nobody has asked to encode."""
    return str(rows.media().media_id)


def _title() -> str:
    title_id = str(uuid.uuid4())
    Title(title_id=title_id, kind="film", name="Tides", created_at=now()).save()
    return title_id


def _subtitle(media: Media) -> str:
    subtitle_id = str(uuid.uuid4())
    Subtitle(
        subtitle_id=subtitle_id,
        media_id=media.media_id,
        filename="tides.vtt",
        source_key=f"sources/{media.media_id}/subtitles/{subtitle_id}.vtt",
        origin="attached",
        created_by="ada@example.com",
        created_at=now(),
    ).save()
    return subtitle_id


def _operation() -> str:
    operation = BulkOperation(
        job_id=str(uuid.uuid4()),
        queue_name=broker.BULK,
        job_kind="transcode",
        action="retry",
        ids=["a"],
        who="ada@example.com",
        total=1,
    )
    lifecycle.create([operation], who="ada@example.com", why="Asked.")
    return str(operation.job_id)


def _module(media: Media, status: Status) -> str:
    """A module of two steps; the first has a picture."""
    module_id = str(uuid.uuid4())
    picture = f"{media.media_id}/s1.jpg"
    get_storage().put_bytes(picture, b"not looked at", "image/jpeg")
    steps = [
        {"id": "s1", "title": "Out", "summary": "", "start": 0.0, "end": 20.0},
        {"id": "s2", "title": "Back", "summary": "Home.", "start": 20.0, "end": 61.0},
    ]
    steps[0]["picture_key"] = picture
    TrainingModule(
        job_id=module_id,
        media_id=media.media_id,
        name="Tides",
        status=status.value,
        queue_name=broker.ANALYSE,
        message_id=str(uuid.uuid4()),
        title="Tides",
        duration=61.0,
        steps=steps,
        created_at=now(),
        updated_at=now(),
    ).save()
    return module_id


def _person() -> str:
    """Somebody who may look at things."""
    email = f"{uuid.uuid4()}@example.com"
    return str(accounts.add_user(email, None, "viewer").user_id)


def _stuck() -> TranscodeJob:
    """A job that says it is done and has no stream."""
    return rows.job("active", phase="splitting")
