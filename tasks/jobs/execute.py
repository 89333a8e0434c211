"""Does the actions that are due for jobs: those of one kind together, in few round trips."""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tasks import keys, streams
from tasks.errors import StorageFailed
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
    RefreshMaster,
    RemoveSubtitle,
    Retry,
    SayWhy,
)
from tasks.jobs.progress import refresh
from tasks.jobs.states import subtitles_of
from tasks.jobs.steps import make_encodes, make_step
from tasks.jobs.uploads import make_master_upload, make_rendition_uploads, make_subtitle_upload
from tasks.models import (
    Phase,
    Step,
    StepKind,
    StreamState,
    Subtitle,
    TranscodeJob,
    UploadJob,
)
from tasks.records import job_log
from tasks.records.job_log_text import JOB
from tasks.subtitles import changes, tracks

log = logging.getLogger(__name__)

#: The mover in histories.
WHO = "dailies"

#: Actions of one kind, each with the id of its job.
Asked = Sequence[tuple[str, Any]]
#: Those that storage did not allow for now.
Refused = set[tuple[str, Action]]


def execute(due: Mapping[str, Sequence[Action]]) -> Refused:
    """Does the actions of jobs, by id; those that storage did not allow for now."""
    asked: dict[type[Any], list[tuple[str, Any]]] = defaultdict(list)
    for job_id, actions in due.items():
        for action in actions:
            asked[type(action)].append((job_id, action))
    refused: Refused = set()
    for kind, do in _DO.items():
        if kind in asked:
            refused |= do(asked[kind]) or set()
    return refused


def create_split(job_id: str) -> None:
    """The first step of a job just made."""
    _create_steps([(job_id, CreateStep(StepKind.SPLIT))])


def _found(job_id: str) -> TranscodeJob:
    """The job, or what stands for it. Raises NotFound."""
    job = TranscodeJob.objects(job_id=job_id).first() or tracks.stand_in(job_id)
    if job is None:
        raise lifecycle.not_found(job_id)
    return job


def _one_by_one(do: Callable[[str, Any], None]) -> Callable[[Asked], Refused]:
    """Wraps an action that is done for each job by itself."""

    def each(asked: Asked) -> Refused:
        refused: Refused = set()
        for job_id, action in asked:
            try:
                do(job_id, action)
            except StorageFailed as error:
                log.warning("job %s: %s is for later: %s", job_id, action, error)
                refused.add((job_id, action))
            except lifecycle.NotFound:
                log.info("%s was deleted meanwhile", job_id)
        return refused

    return each


def _of_model(asked: Asked) -> list[tuple[type[Step] | type[UploadJob], list[str]]]:
    """The steps and the uploads that actions name."""
    uploads = [action.job_id for _, action in asked if action.upload]
    steps = [action.job_id for _, action in asked if not action.upload]
    return [(Step, steps), (UploadJob, uploads)]


def _create_steps(asked: Asked) -> None:
    steps = [make_step(job_id, action.kind) for job_id, action in asked]
    lifecycle.create(steps, who=WHO, why="", send=True)


def _create_encodes(job_id: str, _action: CreateEncodes) -> None:
    lifecycle.create(make_encodes(_found(job_id)), who=WHO, why="")


def _create_uploads(job_id: str, _action: CreateUploads) -> None:
    job = _found(job_id)
    lifecycle.create(make_rendition_uploads(job), who=WHO, why="", send=True)
    # Its turn comes when they are done; until then its row says so.
    lifecycle.create([make_master_upload(job)], who=WHO, why="")


def _create_master(job_id: str, _action: CreateMaster) -> None:
    lifecycle.create([make_master_upload(_found(job_id))], who=WHO, why="", send=True)


def _say_why(asked: Asked) -> None:
    lifecycle.say_why_it_waits(UploadJob, {action.job_id: action.why for _, action in asked})


def _create_subtitle_uploads(job_id: str, _action: CreateSubtitleUploads) -> None:
    job = _found(job_id)
    due = subtitles_of([job.to_mongo()]).get(job_id, tracks.Due())
    for subtitle in Subtitle.objects(subtitle_id__in=due.uploads):
        lifecycle.create([make_subtitle_upload(job, subtitle)], who=WHO, why="")
        # After the row: should this process end in between, making it again changes nothing.
        subtitle.update(set__upload_for=job_id)


def _refresh_master(job_id: str, action: RefreshMaster) -> None:
    upload = make_master_upload(_found(job_id), action.job_id)
    lifecycle.create([upload], who=WHO, why="The subtitles changed.")


def _remove_subtitle(_job_id: str, action: RemoveSubtitle) -> None:
    for subtitle in Subtitle.objects(subtitle_id=action.subtitle):
        changes.drop(subtitle)


def _enqueue(asked: Asked) -> None:
    for unit_cls, ids in _of_model(asked):
        lifecycle.enqueue(unit_cls, *ids)


def _retry(asked: Asked) -> None:
    for unit_cls, ids in _of_model(asked):
        lifecycle.retry_many(unit_cls, ids, WHO)


def _activate(asked: Asked) -> None:
    lifecycle.activate(*(job_id for job_id, _ in asked))


def _enter_phase(job_id: str, action: EnterPhase) -> None:
    lifecycle.update_job(job_id, {"phase": action.phase.value})
    refresh(job_id)


def _cancel_part(asked: Asked) -> None:
    for unit_cls, ids in _of_model(asked):
        lifecycle.cancel_many(unit_cls, ids, WHO, "Its job is completed.")


def _cancel_parts(asked: Asked) -> None:
    children: dict[str, list[str]] = defaultdict(list)
    for job_id, action in asked:
        children[action.why].append(job_id)
    for why, job_ids in children.items():
        lifecycle.cancel_children(job_ids, WHO, why)


def _fail(asked: Asked) -> None:
    lifecycle.fail_jobs({job_id: action.error for job_id, action in asked})


def _complete(job_id: str, _action: CompleteJob) -> None:
    refresh(job_id)
    # Its master's upload has published the stream, so that completed means playable.
    stream = streams.built_by(_found(job_id))
    replaced = stream is not None and stream.state != StreamState.live
    detail = streams.NOT_NEWEST if replaced else ""
    fields = {"phase": Phase.uploading.value, "detail": detail}
    if lifecycle.complete_job(job_id, fields) is None:
        return  # another process did, or ended it otherwise; its work area may be in use again
    if detail:
        job_log.note(job_id, JOB, detail)
    try:
        get_storage().delete_prefix(keys.work(job_id))
        # What a worker was sending when it was killed.
        get_storage().abort_uploads(keys.work(job_id))
    except StorageFailed as error:
        log.warning("work area of %s not removed: %s", job_id, error)


#: In the order in which they are done.
_DO: dict[type[Any], Callable[[Asked], Refused | None]] = {
    RemoveSubtitle: _one_by_one(_remove_subtitle),
    CancelPart: _cancel_part,
    Retry: _retry,
    Activate: _activate,
    FailJob: _fail,
    CancelParts: _cancel_parts,
    EnterPhase: _one_by_one(_enter_phase),
    CreateStep: _create_steps,
    CreateEncodes: _one_by_one(_create_encodes),
    CreateUploads: _one_by_one(_create_uploads),
    CreateMaster: _one_by_one(_create_master),
    CreateSubtitleUploads: _one_by_one(_create_subtitle_uploads),
    RefreshMaster: _one_by_one(_refresh_master),
    Enqueue: _enqueue,
    SayWhy: _say_why,
    CompleteJob: _one_by_one(_complete),
}
