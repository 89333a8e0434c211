"""The actions on one job. Each raises lifecycle.NotFound or Conflict, with a sentence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.control import sync as syncing
from tasks.control.retrying import what_a_retry_does
from tasks.jobs import lifecycle
from tasks.jobs.advance import advance
from tasks.jobs.allowed import Action, ActionState, refusal
from tasks.models import Kind, Status, TranscodeJob, UploadJob
from tasks.records import audit
from tasks.removal import cleanup as cleaning
from tasks.removal import deletion

Job = TranscodeJob | UploadJob

MODELS: dict[Kind, type[TranscodeJob] | type[UploadJob]] = {
    Kind.transcode: TranscodeJob,
    Kind.upload: UploadJob,
}


@dataclass(frozen=True)
class Outcome:
    """What an action did: a sentence for people, plain data for programs, and the job as it is
    now (None where it was deleted)."""

    sentence: str
    job: Job | None
    data: Mapping[str, Any] = field(default_factory=dict)


def find(kind: Kind, job_id: str) -> Job:
    """The job of an id. Raises NotFound."""
    return lifecycle.find(MODELS[kind], job_id)


def act(kind: Kind, action: Action, job_id: str, who: str, *, outputs: bool = False) -> Outcome:
    """Does an action and writes it to the audit log, refused or done.

    ``outputs``: a deletion takes the files in the bucket with it.
    """
    try:
        job = find(kind, job_id)
        reason = refusal(action, ActionState(Status(job.status), job.can_cancel is not False))
        if reason is not None:
            raise lifecycle.Conflict(reason)
        delete = action is Action.delete
        outcome = _delete(job, who, outputs) if delete else _DO[action](job, who)
    except (lifecycle.Conflict, lifecycle.NotFound) as error:
        audit.record(
            who, action.value, kind=kind.value, target=job_id, refused=True, detail=str(error)
        )
        raise
    audit.record(
        who,
        action.value,
        kind=kind.value,
        target=job_id,
        detail=outcome.sentence,
        **outcome.data,
    )
    return outcome


def _retry(job: Job, who: str) -> Outcome:
    sentence = "Waits to be done again."
    if isinstance(job, TranscodeJob):
        lifecycle.retry(TranscodeJob, job.job_id, who)
        advance(job.job_id)
    else:
        sentence = what_a_retry_does(job)
        # The job first: while it is over, nothing of it may go on.
        lifecycle.resume(job.transcode_id, job.job_id, who)
        try:
            lifecycle.retry(UploadJob, job.job_id, who)
        except lifecycle.Conflict:
            # The resumed job may have let it wait already.
            if lifecycle.find(UploadJob, job.job_id).finished:
                raise
        advance(job.transcode_id)
    return Outcome(sentence, lifecycle.find(type(job), job.job_id))


def _cancel(job: Job, who: str) -> Outcome:
    cancelled = lifecycle.cancel(type(job), job.job_id, who)
    if isinstance(job, UploadJob):
        advance(job.transcode_id)
    return Outcome("Cancelled.", cancelled)


def _cleanup(job: Job, who: str) -> Outcome:
    removed = cleaning.clean_up(job, who)
    return Outcome(removed.sentence(), lifecycle.find(type(job), job.job_id), removed.data())


def _sync(job: Job, who: str) -> Outcome:
    result = syncing.sync(job, who)
    return Outcome(result.sentence(), lifecycle.find(type(job), job.job_id), result.data())


def _delete(job: Job, who: str, outputs: bool) -> Outcome:
    removed = deletion.delete(job, who, outputs=outputs)
    return Outcome(removed.sentence(), None, removed.data())


_DO: dict[Action, Callable[[Any, str], Outcome]] = {
    Action.retry: _retry,
    Action.cancel: _cancel,
    Action.cleanup: _cleanup,
    Action.sync: _sync,
}
