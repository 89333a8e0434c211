"""Moves a job on: reads its rows, asks ``tasks.jobs.decide`` what is due, and does it."""

import logging
from collections.abc import Callable
from typing import Any

from tasks import keys, streams
from tasks.errors import Category, StorageFailed, WorkError
from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.jobs.decide import (
    Action,
    Activate,
    CancelPart,
    CancelParts,
    CompleteJob,
    CreateEncodes,
    CreateMaster,
    CreateStep,
    CreateSubtitleUploads,
    CreateUploads,
    Enqueue,
    EnterPhase,
    FailJob,
    JobState,
    RefreshMaster,
    RemoveSubtitle,
    Retry,
    SayWhy,
    StepState,
    UploadState,
    decide,
)
from tasks.jobs.progress import refresh
from tasks.jobs.uploads import (
    make_master_upload,
    make_rendition_uploads,
    make_subtitle_upload,
    master_id,
)
from tasks.media.plan import FIRST_CHUNKS, Plan
from tasks.models import (
    Media,
    Phase,
    Status,
    Step,
    StepKind,
    StreamState,
    Subtitle,
    TranscodeJob,
    UploadJob,
    WorkUnit,
)
from tasks.queue import broker
from tasks.records import job_log
from tasks.records.job_log_text import JOB
from tasks.settings import get_settings
from tasks.subtitles import changes, tracks

log = logging.getLogger(__name__)

#: Rounds until nothing is due; each phase takes one or two, so this many means a mistake here.
MOST_ROUNDS = 20
#: What the state machine notes as the mover.
WHO = "dailies"

_QUEUE_OF = {
    StepKind.SPLIT: broker.SPLIT,
    StepKind.AUDIO: broker.AUDIO,
    StepKind.MERGE: broker.MERGE,
    StepKind.SUBTITLES: broker.SUBTITLES,
    StepKind.POSTER: broker.POSTER,
}


def advance(job_id: str) -> None:
    """Does whatever is due for a job, until nothing is. Safe to call at any time, from anywhere."""
    refused: set[Action] = set()
    for _ in range(MOST_ROUNDS):
        job = _found(job_id)
        if job is None:
            return
        noted = Media.objects(media_id=job.media_id).scalar("subtitles_due").first()
        actions = decide(read_state(job), window=get_settings().chunk_window)
        actions = [action for action in actions if action not in refused]
        for action in actions:
            try:
                _DO[type(action)](job, action)
            except StorageFailed as error:
                log.warning("job %s: %s is for later: %s", job_id, action, error)
                refused.add(action)
        if all(isinstance(action, Enqueue) for action in actions):
            if noted and job.finished and not refused:
                _see_to_subtitles(job, noted)
            return
    log.error("job %s did not come to rest", job_id)


def _found(job_id: str) -> TranscodeJob | None:
    return TranscodeJob.objects(job_id=job_id).first() or tracks.stand_in(job_id)


def _see_to_subtitles(job: TranscodeJob, noted: str) -> None:
    """A job that is over has nothing to do with its media's subtitles, or has done it."""
    owner = tracks.owner_of(job.media_id)
    if owner is None or owner == job.job_id:
        changes.mark_seen(job.media_id, noted)
    else:
        advance(owner)


def due(job_id: str) -> list[Action]:
    """What ``advance`` would do first now."""
    job = _found(job_id)
    return [] if job is None else decide(read_state(job), window=get_settings().chunk_window)


def read_state(job: TranscodeJob) -> JobState:
    """A job's rows as ``decide`` wants them."""
    steps = Step.objects(transcode_id=job.job_id).order_by("kind", "index")
    uploads = UploadJob.objects(transcode_id=job.job_id).order_by("job_id")
    fields = ("job_id", "status", "message_id", "failed_reason", "error_message", "error_log")
    upload_fields = (*fields, "upload_type", "rendition", "subtitle_id", "waits_for")
    first_master = master_id(job)
    # Subtitles are seen to while a job uploads, and from then on.
    late = job.finished or job.phase == Phase.uploading
    subtitles = tracks.due(job) if late else tracks.Due()
    return JobState(
        status=Status(job.status),
        phase=Phase(job.phase),
        encodes=len(job.plan.get("chunks", ())) + (job.plan.get("audio") is not None),
        renditions=[rendition["name"] for rendition in job.renditions],
        retrying=bool(job.retrying),
        retry_only=list(job.retry_only),
        subtitles_due=subtitles.uploads,
        removals=subtitles.removals,
        master_due=subtitles.master,
        steps=[
            StepState(
                job_id=step.job_id,
                kind=StepKind(step.kind),
                index=step.index,
                status=Status(step.status),
                message_id=step.message_id,
                tried=bool(step.attempt),
                error=_error(step),
            )
            for step in steps.only(*fields, "kind", "index", "attempt")
        ],
        uploads=[
            UploadState(
                job_id=upload.job_id,
                rendition=upload.rendition if upload.upload_type == "hls" else None,
                subtitle=upload.subtitle_id,
                refresh=upload.upload_type == "master_playlist" and upload.job_id != first_master,
                status=Status(upload.status),
                message_id=upload.message_id,
                error=_error(upload),
                waits_for=upload.waits_for,
            )
            for upload in uploads.only(*upload_fields)
        ],
    )


def _error(unit: WorkUnit) -> WorkError | None:
    if unit.status not in (Status.failed, Status.cancelled) or not unit.error_message:
        return None
    category = Category(unit.failed_reason or Category.internal)
    return WorkError(unit.error_message, category=category, log=unit.error_log or "")


def start(job: TranscodeJob) -> None:
    """The first thing that is due for a job just made; as ``advance``, without asking."""
    _create_step(job, CreateStep(StepKind.SPLIT))


def _create_step(job: TranscodeJob, action: CreateStep) -> None:
    lifecycle.create([_step(job, action.kind)], who=WHO, why="", send=True)


def _step(job: TranscodeJob, kind: StepKind) -> Step:
    return Step(
        job_id=f"{job.job_id}.{kind.value}",
        transcode_id=job.job_id,
        kind=kind.value,
        queue_name=_QUEUE_OF[kind],
    )


def _create_encodes(job: TranscodeJob, _action: CreateEncodes) -> None:
    plan = Plan.model_validate(job.plan)
    media = Media.objects(media_id=job.media_id).only("source").first()
    steps = [
        Step(
            job_id=f"{job.job_id}.chunk.{chunk.index:05d}",
            transcode_id=job.job_id,
            kind=StepKind.CHUNK.value,
            index=chunk.index,
            frames=chunk.frames,
            queue_name=broker.FIRST_CHUNKS if chunk.index < FIRST_CHUNKS else broker.CHUNKS,
        )
        for chunk in plan.chunks
    ]
    if plan.audio is not None:
        steps.append(
            Step(
                job_id=f"{job.job_id}.audio",
                transcode_id=job.job_id,
                kind=StepKind.AUDIO.value,
                frames=round(plan.duration * 1000),
                queue_name=broker.AUDIO,
            )
        )
    beside = [StepKind.POSTER] if plan.rungs else []
    if media is not None and media.source.get("subtitles"):
        beside.append(StepKind.SUBTITLES)
    steps += [_step(job, kind) for kind in beside]
    lifecycle.create(steps, who=WHO, why="")


def _create_uploads(job: TranscodeJob, _action: CreateUploads) -> None:
    lifecycle.create(make_rendition_uploads(job), who=WHO, why="", send=True)
    # Its turn comes when they are done; until then its row says so.
    lifecycle.create([make_master_upload(job)], who=WHO, why="")


def _create_master(job: TranscodeJob, _action: CreateMaster) -> None:
    lifecycle.create([make_master_upload(job)], who=WHO, why="", send=True)


def _say_why(_job: TranscodeJob, action: SayWhy) -> None:
    lifecycle.say_why_it_waits(UploadJob, action.job_id, action.why)


def _create_subtitle_uploads(job: TranscodeJob, _action: CreateSubtitleUploads) -> None:
    for subtitle in Subtitle.objects(subtitle_id__in=tracks.due(job).uploads):
        lifecycle.create([make_subtitle_upload(job, subtitle)], who=WHO, why="")
        # After the row: should this process end in between, making it again changes nothing.
        subtitle.update(set__upload_for=job.job_id)


def _refresh_master(job: TranscodeJob, action: RefreshMaster) -> None:
    upload = make_master_upload(job, action.job_id)
    lifecycle.create([upload], who=WHO, why="The subtitles changed.")


def _remove_subtitle(job: TranscodeJob, action: RemoveSubtitle) -> None:
    for subtitle in Subtitle.objects(media_id=job.media_id, subtitle_id=action.subtitle):
        changes.drop(subtitle)


def _enqueue(_job: TranscodeJob, action: Enqueue) -> None:
    lifecycle.enqueue(UploadJob if action.upload else Step, action.job_id)


def _retry(_job: TranscodeJob, action: Retry) -> None:
    try:
        lifecycle.retry(UploadJob if action.upload else Step, action.job_id, WHO)
    except lifecycle.Conflict:
        log.info("%s was retried by somebody else", action.job_id)


def _activate(job: TranscodeJob, _action: Activate) -> None:
    lifecycle.activate(job.job_id)


def _enter_phase(job: TranscodeJob, action: EnterPhase) -> None:
    lifecycle.update_job(job.job_id, {"phase": action.phase.value})
    refresh(job.job_id)


def _cancel_part(_job: TranscodeJob, action: CancelPart) -> None:
    try:
        unit_cls = UploadJob if action.upload else Step
        lifecycle.cancel(unit_cls, action.job_id, WHO, "Its job is completed.")
    except lifecycle.Conflict:
        log.info("%s finished before it could be cancelled", action.job_id)


def _cancel_parts(job: TranscodeJob, action: CancelParts) -> None:
    lifecycle.cancel_children(job.job_id, WHO, action.why)


def _fail(job: TranscodeJob, action: FailJob) -> None:
    lifecycle.fail_job(job.job_id, action.error)


def _complete(job: TranscodeJob, _action: CompleteJob) -> None:
    refresh(job.job_id)
    # Its master's upload has published the stream, so that completed means playable.
    stream = streams.built_by(job)
    replaced = stream is not None and stream.state != StreamState.live
    detail = streams.NOT_NEWEST if replaced else ""
    fields = {"phase": Phase.uploading.value, "detail": detail}
    if lifecycle.complete_job(job.job_id, fields) is None:
        return  # somebody else did, or ended it otherwise; its work area may be in use again
    if detail:
        job_log.note(job.job_id, JOB, detail)
    try:
        get_storage().delete_prefix(keys.work(job.job_id))
        # What a worker was sending when it was killed.
        get_storage().abort_uploads(keys.work(job.job_id))
    except StorageFailed as error:
        log.warning("work area of %s not removed: %s", job.job_id, error)


_DO: dict[type[Any], Callable[[TranscodeJob, Any], None]] = {
    CreateStep: _create_step,
    CreateEncodes: _create_encodes,
    CreateUploads: _create_uploads,
    CreateMaster: _create_master,
    SayWhy: _say_why,
    CreateSubtitleUploads: _create_subtitle_uploads,
    RefreshMaster: _refresh_master,
    RemoveSubtitle: _remove_subtitle,
    Enqueue: _enqueue,
    Retry: _retry,
    Activate: _activate,
    EnterPhase: _enter_phase,
    CancelPart: _cancel_part,
    CancelParts: _cancel_parts,
    FailJob: _fail,
    CompleteJob: _complete,
}

__all__ = ["Action", "advance", "due", "read_state"]
