"""The state machine: who may move a unit from where to where, and what that leaves behind."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, tzinfo

import pytest

from tasks.errors import BadInput, EncoderFailed
from tasks.feed import events
from tasks.infra.database import server_time
from tasks.jobs import lifecycle
from tasks.jobs.transition import Change, move
from tasks.models import Status, Step, StepKind, TranscodeJob, UploadJob, clock
from tasks.settings import get_settings
from tests.servers import Servers
from tests.tasks.rows import a_job, a_step, an_upload, claimed, enqueued, taken_back

pytestmark = pytest.mark.usefixtures("database")


def reread(step: Step) -> Step:
    return lifecycle.find(Step, step.job_id)


def test_a_new_unit_waits_without_a_message() -> None:
    step = a_step(a_job())
    assert (step.status, step.message_id, step.attempt) == (Status.waiting, None, 0)
    assert [line.status for line in step.history] == ["waiting"]


def test_a_new_unit_is_dated_by_the_clock_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fast(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Fast":
            return super().now(tz) + timedelta(hours=1)

    monkeypatch.setattr(clock, "datetime", Fast)
    step = reread(enqueued(a_step(a_job())))
    dates = (step.created_at, step.updated_at, step.enqueued_at, step.history[0].at)
    assert all(abs(date - server_time()) < timedelta(minutes=10) for date in dates)


def test_a_unit_made_twice_is_there_once_and_keeps_its_state() -> None:
    job = a_job()
    first = claimed(a_step(job))
    again = a_step(job)
    assert Step.objects(transcode_id=job.job_id).count() == 1
    assert again.status == first.status == Status.active


def test_a_message_claims_the_unit_that_waits_for_it() -> None:
    step = enqueued(a_step(a_job()))
    unit = lifecycle.claim(Step, step.job_id, step.message_id, "worker:1")
    assert unit is not None
    assert (unit.status, unit.attempt, unit.lease.worker) == (Status.active, 1, "worker:1")
    remaining = (unit.lease.expires_at - server_time()).total_seconds()
    assert 0 < remaining <= get_settings().lease_seconds


def test_a_second_delivery_and_a_foreign_message_claim_nothing() -> None:
    step = enqueued(a_step(a_job()))
    assert lifecycle.claim(Step, step.job_id, str(uuid.uuid4()), "worker:1") is None
    assert lifecycle.claim(Step, step.job_id, step.message_id, "worker:1") is not None
    assert lifecycle.claim(Step, step.job_id, step.message_id, "worker:2") is None
    assert reread(step).lease.worker == "worker:1"


def test_of_many_contenders_one_wins() -> None:
    step = enqueued(a_step(a_job()))
    start = threading.Barrier(8)
    wins: list[str] = []

    def contend(name: str) -> None:
        start.wait()
        if lifecycle.claim(Step, step.job_id, step.message_id, name) is not None:
            wins.append(name)

    threads = [threading.Thread(target=contend, args=(f"worker:{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wins) == 1
    assert reread(step).attempt == 1


def test_renewing_moves_the_lease_and_progress_never_falls() -> None:
    unit = claimed(a_step(a_job()))
    _expire(unit)
    assert lifecycle.renew(unit, {"progress": 40.0, "frames_done": 40})
    assert lifecycle.renew(unit, {"progress": 30.0})
    now = reread(unit)
    assert (now.progress, now.frames_done) == (40.0, 40)
    assert now.lease.expires_at > server_time()


def test_a_cancelled_unit_cannot_be_renewed_completed_or_failed_by_its_old_worker() -> None:
    unit = claimed(a_step(a_job()))
    lifecycle.cancel(Step, unit.job_id, "editor@studio")
    assert not lifecycle.renew(unit, {})
    assert lifecycle.complete(unit) is None
    assert lifecycle.fail(unit, BadInput("no")) is None
    assert lifecycle.retry_later(unit, EncoderFailed("no"), 1) is None
    assert reread(unit).status == Status.cancelled


def test_a_zombie_cannot_overwrite_its_successor(monkeypatch: pytest.MonkeyPatch) -> None:
    zombie = claimed(a_step(a_job()))
    _expire(zombie)
    assert taken_back(reread(zombie)) is not None
    successor = claimed(reread(zombie), "worker:2")
    assert lifecycle.complete(zombie, {"result": {"by": "zombie"}}) is None
    assert lifecycle.complete(successor, {"result": {"by": "successor"}}) is not None
    assert reread(zombie).result == {"by": "successor"}


def test_a_lease_that_still_runs_is_not_taken() -> None:
    unit = claimed(a_step(a_job()))
    assert taken_back(unit) is None
    assert reread(unit).status == Status.active


def test_a_renewal_between_looking_and_taking_saves_the_lease() -> None:
    unit = claimed(a_step(a_job()))
    _expire(unit)
    seen = reread(unit)
    assert lifecycle.renew(unit, {})
    assert taken_back(seen) is None


def test_work_that_loses_its_worker_too_often_fails() -> None:
    step = a_step(a_job())
    for _ in range(get_settings().max_attempts):
        unit = claimed(reread(step))
        _expire(unit)
        assert taken_back(reread(unit)) is not None
    assert (reread(step).status, reread(step).failed_reason) == (Status.failed, "lost_worker")


def test_only_losses_in_a_row_are_too_many() -> None:
    step = a_step(a_job())
    for _ in range(get_settings().max_attempts - 1):
        unit = claimed(reread(step))
        _expire(unit)
        assert taken_back(reread(unit)) is not None
    # Its worker lives, and comes to an end with it.
    unit = claimed(reread(step))
    assert lifecycle.retry_later(unit, EncoderFailed("It stumbled."), 0.0) is not None
    before = reread(step)
    again = lifecycle.claim(Step, step.job_id, before.message_id, "worker:1")
    assert again is not None
    _expire(again)
    assert taken_back(reread(again)) is not None
    after = reread(step)
    assert after.status == Status.waiting
    assert (after.lost, after.attempt) == (before.lost + 1, before.attempt + 1)


def test_a_retry_later_keeps_the_message_and_says_when_and_why() -> None:
    unit = claimed(a_step(a_job()))
    lifecycle.retry_later(unit, EncoderFailed("It stumbled.", log="frame 7"), 5.0)
    now = reread(unit)
    assert (now.status, now.message_id) == (Status.waiting, unit.message_id)
    assert now.next_attempt_at > server_time()
    assert (now.failed_reason, now.error_message, now.error_log) == (
        "encoder",
        "It stumbled.",
        "frame 7",
    )
    assert lifecycle.claim(Step, unit.job_id, unit.message_id, "worker:2") is not None


def test_what_a_worker_hands_back_costs_no_attempt() -> None:
    unit = claimed(a_step(a_job()))
    lifecycle.put_back(unit, "Its worker shut down.")
    assert (reread(unit).status, reread(unit).attempt) == (Status.waiting, 0)


def test_completing_clears_the_error_of_earlier_attempts() -> None:
    unit = claimed(a_step(a_job()))
    lifecycle.retry_later(unit, EncoderFailed("It stumbled."), 0.0)
    again = lifecycle.claim(Step, unit.job_id, unit.message_id, "worker:1")
    assert again is not None
    lifecycle.complete(again, {"frames_done": 100})
    now = reread(unit)
    assert (now.status, now.progress, now.error_message) == (Status.completed, 100.0, None)
    assert [line.status for line in now.history] == [
        "waiting",
        "active",
        "waiting",
        "active",
        "completed",
    ]


def test_text_that_looks_like_a_database_expression_is_kept_as_text() -> None:
    unit = claimed(a_step(a_job()), worker="$lease.token")
    lifecycle.fail(unit, BadInput("$$NOW is no film", log="$status"))
    now = reread(unit)
    assert (now.error_message, now.error_log) == ("$$NOW is no film", "$status")
    assert now.history[-1].why == "$$NOW is no film"
    assert now.history[-1].who == "$lease.token"


@pytest.mark.parametrize("status", [Status.completed, Status.failed, Status.cancelled])
def test_only_an_unfinished_unit_is_cancelled(status: Status) -> None:
    unit = _finished(status)
    with pytest.raises(lifecycle.Conflict, match=status.value):
        lifecycle.cancel(Step, unit.job_id, "editor@studio")


def test_a_unit_that_may_not_be_cancelled_is_not() -> None:
    step = a_step(a_job())
    Step.objects(job_id=step.job_id).update(can_cancel=False)
    with pytest.raises(lifecycle.Conflict, match="cannot be cancelled"):
        lifecycle.cancel(Step, step.job_id, "editor@studio")
    assert reread(step).status == Status.waiting


def test_cancelling_a_job_cancels_all_that_belongs_to_it() -> None:
    job = a_job()
    done = claimed(a_step(job, index=0))
    lifecycle.complete(done)
    running = claimed(a_step(job, index=1))
    upload = an_upload(job)
    lifecycle.cancel(TranscodeJob, job.job_id, "editor@studio")
    assert reread(done).status == Status.completed
    assert reread(running).status == Status.cancelled
    assert lifecycle.find(UploadJob, upload.job_id).status == Status.cancelled
    cancelled = lifecycle.find(TranscodeJob, job.job_id)
    assert (cancelled.status, cancelled.history[-1].who) == (Status.cancelled, "editor@studio")
    assert cancelled.cancelled_at is not None


@pytest.mark.parametrize("status", [Status.waiting, Status.active, Status.completed])
def test_only_a_failed_or_cancelled_unit_is_retried(status: Status) -> None:
    unit = _finished(status)
    with pytest.raises(lifecycle.Conflict, match=status.value):
        lifecycle.retry(Step, unit.job_id, "editor@studio")


@pytest.mark.parametrize("status", [Status.failed, Status.cancelled])
def test_a_retried_upload_keeps_what_it_knows_and_gets_a_fresh_client_id(status: Status) -> None:
    job = a_job()
    upload = an_upload(job)
    UploadJob.objects(job_id=upload.job_id).update(client_id="old", files_done=3)
    if status is Status.failed:
        lifecycle.fail(claimed(upload), BadInput("no"))
    else:
        lifecycle.cancel(UploadJob, upload.job_id, "editor@studio")
    retried = lifecycle.retry(UploadJob, upload.job_id, "editor@studio")
    assert (retried.status, retried.message_id, retried.attempt) == (Status.waiting, None, 0)
    assert (retried.error_message, retried.failed_reason) == (None, None)
    assert retried.client_id not in (None, "old")
    assert (retried.files_done, retried.rendition) == (3, "720p")


def test_an_unknown_unit_is_named() -> None:
    with pytest.raises(lifecycle.NotFound, match="no-such-job"):
        lifecycle.cancel(TranscodeJob, "no-such-job", "editor@studio")
    with pytest.raises(lifecycle.NotFound, match="no-such-job"):
        lifecycle.retry(TranscodeJob, "no-such-job", "editor@studio")


def test_a_completed_step_whose_output_is_unusable_waits_again() -> None:
    unit = claimed(a_step(a_job()))
    done = lifecycle.complete(unit)
    assert done is not None
    assert lifecycle.redo(done, "Its files are gone.") is not None
    assert (reread(unit).status, reread(unit).progress) == (Status.waiting, 0.0)
    # Somebody else may have sent it back, and it may be done again by now.
    assert lifecycle.redo(done, "Its files are gone.") is None


def test_a_job_shows_phases_that_only_ever_fill() -> None:
    job = a_job()
    lifecycle.update_job(job.job_id, {"progress": 50.0, "phases": {"transcoding": 60.0}})
    lifecycle.update_job(job.job_id, {"progress": 20.0, "phases": {"transcoding": 10.0}})
    shown = lifecycle.find(TranscodeJob, job.job_id)
    assert (shown.progress, shown.phases) == (50.0, {"transcoding": 60.0})


def test_every_transition_is_told_to_the_feed() -> None:
    before = events.last_id()
    job = a_job(client_id="browser-1")
    lifecycle.activate(job.job_id)
    lifecycle.fail_jobs({job.job_id: BadInput("Not a film.")})
    lifecycle.retry(TranscodeJob, job.job_id, "editor@studio")
    told = [event for event in events.tail(before) if event.data["jobId"] == job.job_id]
    assert [event.name for event in told] == [
        "jobCreated",
        "jobChanged",
        "JobFailed",
        "jobRetried",
    ]
    failed = told[2].data
    assert (failed["kind"], failed["clientId"], failed["errorMessage"]) == (
        "transcode",
        "browser-1",
        "Not a film.",
    )


def test_a_transition_goes_through_where_redis_is_away(database: Servers) -> None:
    unit = claimed(a_step(a_job()))
    database.redis.kill()
    try:
        assert lifecycle.complete(unit) is not None
        assert not lifecycle.enqueue(Step, unit.job_id)
    finally:
        database.redis.start()


def test_a_transition_waits_for_a_database_that_restarts(database: Servers) -> None:
    unit = claimed(a_step(a_job()))
    database.mongo.kill()
    with ThreadPoolExecutor(1) as pool:
        completed = pool.submit(lifecycle.complete, unit)
        # Started here: a server dies with the thread that started it.
        database.mongo.start()
        assert completed.result() is not None
    assert reread(unit).status == Status.completed


def _expire(unit: Step) -> None:
    """As if the worker had been silent for long."""
    Step._get_collection().update_one(
        {"job_id": unit.job_id},
        [{"$set": {"lease.expires_at": {"$subtract": ["$$NOW", 1000]}}}],
    )


def _finished(status: Status) -> Step:
    step = a_step(a_job(), StepKind.CHUNK)
    if status is Status.waiting:
        return step
    unit = claimed(step)
    if status is Status.completed:
        lifecycle.complete(unit)
    if status is Status.failed:
        lifecycle.fail(unit, BadInput("no"))
    if status is Status.cancelled:
        lifecycle.cancel(Step, unit.job_id, "editor@studio")
    return reread(unit)


def test_what_the_table_does_not_allow_is_a_mistake_in_the_code() -> None:
    job = a_job()
    query = {"job_id": job.job_id, "status": Status.waiting.value}
    with pytest.raises(ValueError, match="waiting is never followed by completed"):
        move(TranscodeJob, [Change(query)], Status.completed, who="test")
    assert lifecycle.find(TranscodeJob, job.job_id).status == Status.waiting


def test_a_job_that_nobody_works_on_neither_completes_nor_fails() -> None:
    job = a_job()
    assert lifecycle.complete_job(job.job_id, {}) is None
    assert lifecycle.fail_jobs({job.job_id: BadInput("Not a film.")}) == []
