"""Makes the steps of a transcode job: their ids, their queues, and the work that each is."""

from collections.abc import Mapping

from tasks.media.plan import FIRST_CHUNKS, Chunk, Plan
from tasks.models import Media, Step, StepKind, TranscodeJob
from tasks.queue import broker

QUEUES: Mapping[StepKind, str] = {
    StepKind.SPLIT: broker.SPLIT,
    StepKind.AUDIO: broker.AUDIO,
    StepKind.MERGE: broker.MERGE,
    StepKind.SUBTITLES: broker.SUBTITLES,
    StepKind.POSTER: broker.POSTER,
}


def make_step(job_id: str, kind: StepKind, *, frames: int = 0) -> Step:
    """A step of a transcode job that has one of its kind."""
    return Step(
        job_id=f"{job_id}.{kind.value}",
        transcode_id=job_id,
        kind=kind.value,
        frames=frames,
        queue_name=QUEUES[kind],
    )


def _make_chunk(job_id: str, chunk: Chunk) -> Step:
    return Step(
        job_id=f"{job_id}.{StepKind.CHUNK.value}.{chunk.index:05d}",
        transcode_id=job_id,
        kind=StepKind.CHUNK.value,
        index=chunk.index,
        frames=chunk.frames,
        queue_name=broker.FIRST_CHUNKS if chunk.index < FIRST_CHUNKS else broker.CHUNKS,
    )


def make_encodes(job: TranscodeJob) -> list[Step]:
    """The chunks of the job's plan, its sound, its poster, and the extraction of text tracks."""
    plan = Plan.model_validate(job.plan)
    steps = [_make_chunk(job.job_id, chunk) for chunk in plan.chunks]
    if plan.audio is not None:
        frames = round(plan.duration * 1000)
        steps.append(make_step(job.job_id, StepKind.AUDIO, frames=frames))
    if plan.rungs:
        steps.append(make_step(job.job_id, StepKind.POSTER))
    media = Media.objects(media_id=job.media_id).only("source").first()
    if media is not None and media.source.get("subtitles"):
        steps.append(make_step(job.job_id, StepKind.SUBTITLES))
    return steps
