"""What a click on one job costs in round trips to MongoDB and Redis: no more than is said here."""

from collections.abc import Callable

import pytest

from tasks.control.actions import act
from tasks.errors import EncoderFailed
from tasks.jobs import lifecycle
from tasks.jobs.allowed import Action
from tasks.models import Kind, StepKind, TranscodeJob, UploadJob
from tasks.queue import broker
from tasks.recovery.survey import reading
from tests.tasks.round_trips import ROUND_TRIPS
from tests.tasks.rows import a_job, a_step, an_upload, claimed

pytestmark = pytest.mark.usefixtures("database")

WHO = "ada@example.com"


def _planned(phase: str) -> TranscodeJob:
    job = a_job(
        plan={"chunks": [{"index": 0}, {"index": 1}], "audio": None},
        phase=phase,
        renditions=[{"name": "720p"}, {"name": "360p"}],
    )
    assert lifecycle.complete(claimed(a_step(job, StepKind.SPLIT))) is not None
    return job


def at_work() -> str:
    """A job of two chunks, one of which is being encoded."""
    job = _planned("transcoding")
    lifecycle.activate(job.job_id)
    claimed(a_step(job, index=0))
    a_step(job, index=1)
    return str(job.job_id)


def failed() -> str:
    """A job of which one chunk failed and one was cancelled."""
    job = _planned("transcoding")
    lifecycle.activate(job.job_id)
    lifecycle.fail(claimed(a_step(job, index=0)), EncoderFailed("It stumbled."))
    lifecycle.cancel(type(a_step(job, index=1)), f"{job.job_id}.chunk.1", WHO)
    lifecycle.fail_jobs({job.job_id: EncoderFailed("It stumbled.")})
    return str(job.job_id)


def _uploading() -> TranscodeJob:
    job = _planned("uploading")
    lifecycle.activate(job.job_id)
    for index in range(2):
        lifecycle.complete(claimed(a_step(job, index=index)))
    lifecycle.complete(claimed(a_step(job, StepKind.MERGE)))
    return job


def upload_at_work() -> str:
    """An upload that a worker has, of a job with another one that waits."""
    job = _uploading()
    an_upload(job, "360p")
    return str(claimed(an_upload(job, "720p")).job_id)


def upload_failed() -> str:
    """An upload that failed, and its job with it."""
    job = _uploading()
    lifecycle.complete(claimed(an_upload(job, "360p")))
    upload = an_upload(job, "720p")
    lifecycle.fail(claimed(upload), EncoderFailed("It stumbled."))
    lifecycle.fail_jobs({job.job_id: EncoderFailed("It stumbled.")})
    return str(upload.job_id)


#: A sync reads all queues twice, each with its delayed messages.
QUEUES = 4 * len(broker.ACTORS)
#: (kind, action, the job, whether it is done, round trips to MongoDB and to Redis at most): those
#: measured while one job and many had implementations of their own.
CLICKS = [
    (Kind.transcode, Action.retry, failed, True, 25, 9),
    (Kind.transcode, Action.retry, at_work, False, 2, 0),
    (Kind.transcode, Action.cancel, at_work, True, 9, 3),
    (Kind.transcode, Action.cancel, failed, False, 2, 0),
    (Kind.transcode, Action.cleanup, failed, True, 17, 1),
    (Kind.transcode, Action.cleanup, at_work, False, 2, 0),
    (Kind.transcode, Action.sync, failed, True, 28, 8 + QUEUES),
    (Kind.transcode, Action.sync, at_work, True, 28, 3 + QUEUES),
    (Kind.transcode, Action.delete, failed, True, 13, 1),
    (Kind.transcode, Action.delete, at_work, False, 2, 0),
    (Kind.upload, Action.retry, upload_failed, True, 22, 5),
    (Kind.upload, Action.retry, upload_at_work, False, 2, 0),
    (Kind.upload, Action.cancel, upload_at_work, True, 10, 2),
    (Kind.upload, Action.cancel, upload_failed, False, 2, 0),
    (Kind.upload, Action.cleanup, upload_failed, True, 10, 1),
    (Kind.upload, Action.sync, upload_failed, True, 32, 10 + QUEUES),
    (Kind.upload, Action.delete, upload_failed, True, 9, 1),
]


@pytest.mark.parametrize(("kind", "action", "make", "done", "mongo", "redis"), CLICKS)
def test_a_click_on_one_job_costs_no_more_than_it_did(
    kind: Kind,
    action: Action,
    make: Callable[[], str],
    done: bool,
    mongo: int,
    redis: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job_id = make()
    # A sync repairs what stood still for a moment: on a busy machine all of it may have.
    monkeypatch.setattr(reading, "GRACE_SECONDS", 600.0)
    # Connections are made at the first use.
    lifecycle.find(TranscodeJob if kind is Kind.transcode else UploadJob, job_id)
    with ROUND_TRIPS.counted():
        try:
            act(kind, action, job_id, WHO)
        except lifecycle.Conflict:
            assert not done
        else:
            assert done
    assert ROUND_TRIPS.mongo <= mongo
    assert ROUND_TRIPS.redis <= redis
