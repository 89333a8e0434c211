"""Rows for tests, written by the state machine as the product writes them."""

import uuid

from tasks import keys, streams
from tasks.jobs import lifecycle
from tasks.jobs.advance import actions_due
from tasks.jobs.decide import Action
from tasks.jobs.states import read_states
from tasks.jobs.transition import Change, Unit, apply, literal
from tasks.models import Media, Phase, Step, StepKind, TranscodeJob, UploadJob, WorkUnit
from tasks.models.clock import now
from tasks.queue import broker


def a_media() -> Media:
    """A media whose source is in no bucket."""
    media_id = str(uuid.uuid4())
    media: Media = Media(
        media_id=media_id,
        filename="film.mp4",
        source_key=f"sources/{media_id}/film.mp4",
        size=1000,
        created_at=now(),
    ).save()
    return media


def stream_key(job: TranscodeJob, *parts: str) -> str:
    """A key of the stream that a job builds or has built, or its prefix without parts."""
    stream = streams.of_job(lifecycle.find(TranscodeJob, job.job_id))
    return keys.stream(stream.media_id, stream.folder, *parts)


def a_job(**fields: object) -> TranscodeJob:
    """A waiting transcode job."""
    values: dict[str, object] = {
        "job_id": str(uuid.uuid4()),
        "media_id": str(uuid.uuid4()),
        "name": "Film",
        "phase": Phase.splitting.value,
        **fields,
    }
    job = TranscodeJob(**values)
    lifecycle.create([job], who="test", why="")
    return lifecycle.find(TranscodeJob, job.job_id)


def a_step(job: TranscodeJob, kind: StepKind = StepKind.CHUNK, index: int = 0) -> Step:
    """A waiting step of a job, with no message yet."""
    queue_name = broker.CHUNKS if kind is StepKind.CHUNK else broker.SPLIT
    step = Step(
        job_id=f"{job.job_id}.{kind.value}.{index}",
        transcode_id=job.job_id,
        kind=kind.value,
        index=index,
        frames=100,
        queue_name=queue_name,
    )
    lifecycle.create([step], who="test", why="")
    return lifecycle.find(Step, step.job_id)


def an_upload(job: TranscodeJob, name: str = "720p") -> UploadJob:
    """A waiting upload of a job."""
    upload = UploadJob(
        job_id=f"{job.job_id}.upload.{name}",
        transcode_id=job.job_id,
        media_id=job.media_id,
        job_type=broker.UPLOAD_HLS,
        queue_name=broker.UPLOAD_HLS,
        upload_type="hls",
        rendition=name,
    )
    lifecycle.create([upload], who="test", why="")
    return lifecycle.find(UploadJob, upload.job_id)


def enqueued(step: Step) -> Step:
    """The step, with a message in the queue."""
    if step.message_id is not None:
        return step
    assert lifecycle.enqueue(type(step), step.job_id)
    return lifecycle.find(type(step), step.job_id)


def claimed(step: Step, worker: str = "worker:1") -> Step:
    """The step, being worked on."""
    waiting = enqueued(step)
    unit = lifecycle.claim(type(step), waiting.job_id, waiting.message_id, worker)
    assert unit is not None
    return unit


def written(unit: WorkUnit, **fields: object) -> None:
    """Writes plain fields of a unit's row."""
    values = {name: literal(value) for name, value in fields.items()}
    assert apply(type(unit), [Change({"job_id": unit.job_id}, values)])


def due(job_id: str) -> list[Action]:
    """The actions that are due for a job."""
    return actions_due(read_states([job_id])).get(job_id, [])


def taken_back(unit: Unit) -> Unit | None:
    """The unit after it was taken from a lost worker; None where its lease was not the one seen."""
    token = unit.lease.token if unit.lease else None
    taken = lifecycle.take_from_lost_workers(type(unit), {unit.job_id: token})
    return lifecycle.find(type(unit), unit.job_id) if taken else None
