"""The rules by which actions are due."""

from collections.abc import Sequence

from tasks.errors import Category, WorkError
from tasks.jobs.decide.actions import (
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
    RefreshMaster,
    RemoveSubtitle,
    Retry,
    SayWhy,
)
from tasks.jobs.decide.state import JobState, StepState, UploadState
from tasks.jobs.decide.window import chunks_due
from tasks.jobs.upload_text import NOTHING_LOST, loss
from tasks.models import BESIDE, FINISHED, Phase, Status, StepKind

_OVER = (Status.failed, Status.cancelled)


def decide(job: JobState, *, window: int) -> list[Action]:
    """The actions due now, in order; ``window`` is how many chunks may wait in the queue."""
    # Beside everything else: storage that keeps a file does not keep a job from its end.
    removals: list[Action] = [RemoveSubtitle(subtitle) for subtitle in job.removals]
    return removals + _due(job, window)


def _due(job: JobState, window: int) -> list[Action]:
    parts: list[StepState | UploadState] = [*job.steps, *job.uploads]
    if job.status is Status.completed:
        return _after_completion(job)
    if job.status in FINISHED:
        if any(part.status not in FINISHED for part in parts):
            return [CancelParts(f"Its job is {job.status}.")]
        return []
    over = [
        part
        for part in parts
        if part.status in _OVER and (not job.retry_only or _retried(part, job.retry_only))
    ]
    if job.retrying and over:
        return [Retry(part.job_id, isinstance(part, UploadState)) for part in over]
    actions: list[Action] = []
    if job.status is Status.waiting and any(p.status is not Status.waiting for p in parts):
        actions.append(Activate())
    return actions + _next(job, window)


def _retried(part: StepState | UploadState, only: Sequence[str]) -> bool:
    # What every upload needs comes along: its files, and the master, or no stream is ever seen.
    if isinstance(part, StepState):
        return part.kind not in BESIDE
    return part.job_id in only or part.is_master


def _next(job: JobState, window: int) -> list[Action]:
    # A film whose text tracks cannot be read, or that has no poster, is still a film.
    beside: list[StepState] = []
    split: list[StepState] = []
    encodes: list[StepState] = []
    merge: list[StepState] = []
    of_kind = {StepKind.SPLIT: split, StepKind.MERGE: merge} | dict.fromkeys(BESIDE, beside)
    for step in job.steps:
        of_kind.get(step.kind, encodes).append(step)
        if step.status in _OVER and step.kind not in BESIDE:
            return _fail(step)
    if not _done(split):
        return _phase(job, Phase.splitting) + _start(split, CreateStep(StepKind.SPLIT))
    if not job.encodes:
        lost = WorkError("The plan of this job is lost. Clean it up, then retry it.")
        return [FailJob(lost), CancelParts("Its job has no plan.")]
    if len(encodes) < job.encodes:
        # None are there yet, or the process that made them was killed.
        return [*_phase(job, Phase.transcoding), CreateEncodes()]
    if not _done(encodes):
        return _phase(job, Phase.transcoding) + _start_encodes(encodes, window, beside)
    if not _done(merge):
        start = _start(merge, CreateStep(StepKind.MERGE))
        return _phase(job, Phase.merging) + _enqueue(beside) + start
    return _phase(job, Phase.uploading) + _enqueue(beside) + _upload(job, beside)


def _upload(job: JobState, beside: Sequence[StepState]) -> list[Action]:
    files = [upload for upload in job.uploads if upload.rendition is not None]
    tracks = [upload for upload in job.uploads if upload.subtitle is not None]
    master = [upload for upload in job.uploads if upload.is_master]
    if not files or set(job.renditions) - {upload.rendition for upload in files}:
        return [CreateUploads()]
    starts: list[Action] = [CreateSubtitleUploads()] if job.subtitles_due else []
    starts += _enqueue([*files, *tracks])
    lost = [upload for status in _OVER for upload in files if upload.status is status]
    before: list[StepState | UploadState] = [*files, *tracks, *beside]
    if starts or any(part.status not in FINISHED for part in before):
        return starts + _say_why(master, lost)
    # The master lists the subtitles that came through; one that failed, failed alone.
    lost += [upload for upload in master if upload.status in _OVER]
    if lost:
        return _lose(lost)
    if not _done(master):
        return _start(master, CreateMaster())
    return [CompleteJob()]


def _after_completion(job: JobState) -> list[Action]:
    """A stream that can be watched still gets subtitles, and loses deleted ones."""
    encoding: list[StepState | UploadState] = [*job.steps]
    encoding += [upload for upload in job.uploads if upload.rendition is not None]
    useless = [part for part in encoding if part.status not in FINISHED]
    if useless:
        return [CancelPart(part.job_id, isinstance(part, UploadState)) for part in useless]
    late = [upload for upload in job.uploads if upload.rendition is None]
    starts: list[Action] = [CreateSubtitleUploads()] if job.subtitles_due else []
    starts += _enqueue(late)
    if starts or any(upload.status not in FINISHED for upload in late):
        return starts
    # Where that very upload failed, doing it again is for a person to say.
    if job.master_due and job.master_due not in {upload.job_id for upload in job.uploads}:
        return [RefreshMaster(job.master_due)]
    return []


def _fail(part: StepState | UploadState) -> list[Action]:
    error = part.error or WorkError("A part of the job was cancelled.", category=Category.cancelled)
    return [FailJob(error), CancelParts("Another part of the job failed.")]


def _say_why(masters: Sequence[UploadState], lost: Sequence[UploadState]) -> list[Action]:
    why = f"Waits: {_loss(lost)}." if lost else NOTHING_LOST
    return [
        SayWhy(master.job_id, why)
        for master in masters
        if master.status is Status.waiting and master.message_id is None and master.waits_for != why
    ]


def _lose(lost: Sequence[UploadState]) -> list[Action]:
    category = lost[0].error.category if lost[0].error else Category.cancelled
    sentence = f"{_loss(lost)}."
    sentence = sentence[:1].upper() + sentence[1:]
    error = WorkError(sentence, category=category, log=lost[0].error.log if lost[0].error else "")
    return [FailJob(error), CancelParts(f"Its job failed: {sentence}")]


def _loss(lost: Sequence[UploadState]) -> str:
    names = [upload.rendition or "The master playlist" for upload in lost]
    return loss(names, lost[0].status, lost[0].error)


def _done(parts: Sequence[StepState | UploadState]) -> bool:
    return bool(parts) and all(part.status is Status.completed for part in parts)


def _phase(job: JobState, phase: Phase) -> list[Action]:
    return [] if job.phase is phase else [EnterPhase(phase)]


def _start(parts: Sequence[StepState | UploadState], create: Action) -> list[Action]:
    return _enqueue(parts) if parts else [create]


def _enqueue(parts: Sequence[StepState | UploadState]) -> list[Action]:
    return [
        Enqueue(part.job_id, isinstance(part, UploadState))
        for part in parts
        if part.status is Status.waiting and part.message_id is None
    ]


def _start_encodes(
    encodes: Sequence[StepState], window: int, beside: Sequence[StepState]
) -> list[Action]:
    # Audio goes beside the window: a job has one, and everything waits for it in the end. Pictures
    # go first: they take longest.
    audio = [step for step in encodes if step.kind is StepKind.AUDIO]
    chunks = [step for step in encodes if step.kind is StepKind.CHUNK]
    waiting = [step for step in chunks if step.status is Status.waiting]
    due = chunks_due(
        [step.index for step in waiting if step.message_id is None],
        [step.index for step in waiting if step.message_id is not None and not step.tried],
        window,
    )
    # What is beside the stream waits until the beginning of it is there.
    begun = not chunks or any(step.status is Status.completed for step in chunks)
    return _enqueue(chunks)[:due] + _enqueue(audio) + (_enqueue(beside) if begun else [])
