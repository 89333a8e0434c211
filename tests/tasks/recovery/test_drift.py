"""Drift as people see it: what each side says, and repairs that are done once and remembered."""

from typing import Any

import pytest

from tasks.control.stuck import fix_stuck
from tasks.jobs import lifecycle
from tasks.jobs.advance import advance
from tasks.models import Status, Step, StepKind, TranscodeJob, UploadJob
from tasks.models.audit_entry import AuditEntry
from tasks.models.bulk_operation import BulkOperation
from tasks.models.clock import now
from tasks.models.repair import Repair
from tasks.queue import backlog, broker, messages
from tasks.recovery import drift, repairs
from tasks.recovery.drift import find_drift
from tasks.recovery.reconciler import Loop, heal, reconcile
from tasks.recovery.survey import leftovers, reading
from tests.servers import Servers
from tests.tasks.rows import a_job, a_step, an_upload, claimed, enqueued

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are judged at once: in these tests nobody else moves them."""
    monkeypatch.setattr(reading, "GRACE_SECONDS", -1.0)


def started_job() -> TranscodeJob:
    job = a_job()
    advance(job.job_id)
    return job


def split_of(job: TranscodeJob) -> Step:
    step: Step = Step.objects(transcode_id=job.job_id, kind=StepKind.SPLIT.value).get()
    return step


def expire(unit: Any) -> None:
    type(unit)._get_collection().update_one(
        {"job_id": unit.job_id},
        [{"$set": {"lease.expires_at": {"$subtract": ["$$NOW", 1000]}}}],
    )


def rules() -> set[tuple[str, str]]:
    return {(entry.job_id, entry.rule) for entry in find_drift()}


def test_where_all_agree_there_is_nothing_to_see() -> None:
    started_job()
    assert find_drift() == []
    assert drift.overview().total == 0


def test_a_lost_message_is_shown_with_both_sides(database: Servers) -> None:
    job = started_job()
    step = split_of(job)
    database.redis_client.flushall()
    (entry,) = find_drift()
    assert (entry.rule, entry.kind, entry.job_id) == ("message-lost", "step", step.job_id)
    assert entry.row_says == f"Waiting, message {step.message_id[:8]}"
    assert (entry.other, entry.other_says) == ("queue", "That message is not there")
    assert entry.name == "Film · split"
    assert entry.by_itself
    assert entry.fixable
    # Looking changes nothing.
    assert split_of(job).to_mongo() == step.to_mongo()
    assert messages.held_ids() == {}


def test_a_fix_is_done_once_and_remembered_with_who(database: Servers) -> None:
    job = started_job()
    database.redis_client.flushall()
    (entry,) = find_drift()
    (fixed,) = drift.fix(entry.id, "ada")
    assert fixed.done
    assert set(messages.held_ids()) == {split_of(job).message_id}
    assert drift.fix(entry.id, "ada") == []
    (repair,) = Repair.objects
    assert (repair.who, repair.rule, repair.ref) == ("ada", "message-lost", entry.job_id)
    assert repair.name == "Film"
    (line,) = AuditEntry.objects
    assert (line.who, line.action, line.target) == ("ada", "fix", entry.job_id)


def test_all_drift_of_a_job_is_fixed_by_its_id(database: Servers) -> None:
    job, other = started_job(), started_job()
    database.redis_client.flushall()
    assert [fixed.job_id for fixed in drift.fix(job.job_id, "ada")] == [split_of(job).job_id]
    assert rules() == {(split_of(other).job_id, "message-lost")}
    assert [fixed.job_id for fixed in drift.fix_all("ada")] == [split_of(other).job_id]
    assert rules() == set()


def test_a_fix_leaves_no_message_behind_that_starts_nothing(database: Servers) -> None:
    job = started_job()
    step = split_of(job)
    unit = lifecycle.claim(Step, step.job_id, step.message_id, "worker:1")
    assert unit is not None
    lifecycle.activate(job.job_id)
    expire(unit)
    # As where Dramatiq has given the message of a dead worker back to the queue.
    (fixed,) = drift.fix(step.job_id, "ada")
    assert fixed.action == "It was taken from worker:1 and waits again."
    assert set(messages.held_ids()) == {split_of(job).message_id}


def test_one_job_is_healed_and_others_are_left(database: Servers) -> None:
    job, other = started_job(), started_job()
    database.redis_client.flushall()
    assert heal({job.job_id})[job.job_id] == [
        (split_of(job).job_id, "It waits for a message that is not in the queue")
    ]
    assert rules() == {(split_of(other).job_id, "message-lost")}


def test_an_active_part_without_a_lease_comes_back() -> None:
    job = started_job()
    step = split_of(job)
    assert lifecycle.claim(Step, step.job_id, step.message_id, "worker:1")
    lifecycle.activate(job.job_id)
    Step._get_collection().update_one({"job_id": step.job_id}, {"$set": {"lease": None}})
    assert (step.job_id, "lease-missing") in rules()
    reconcile()
    assert split_of(job).status == Status.waiting
    assert split_of(job).message_id in messages.held_ids()


def test_a_part_whose_job_was_deleted_is_cancelled() -> None:
    job = started_job()
    step = split_of(job)
    TranscodeJob.objects(job_id=job.job_id).delete()
    assert (step.job_id, "job-gone") in rules()
    reconcile()
    assert split_of(job).status == Status.cancelled
    # Its message was queued for nothing.
    assert messages.held_ids() == {}


def test_a_message_that_its_row_does_not_wait_for_is_taken_out() -> None:
    job = started_job()
    lifecycle.cancel(TranscodeJob, job.job_id, "ada")
    assert rules() == {(split_of(job).job_id, "stray-message")}
    assert reconcile().made == [(split_of(job).job_id, "stray-message")]
    assert messages.held_ids() == {}


def test_a_message_that_a_worker_has_is_left_to_it() -> None:
    job = started_job()
    consumer = broker.get_broker().consume(broker.SPLIT, prefetch=1, timeout=100)
    assert next(consumer) is not None
    lifecycle.cancel(TranscodeJob, job.job_id, "ada")
    assert rules() == set()
    assert len(messages.held_ids()) == 1


def test_a_message_without_a_row_is_left_alone_for_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    broker.send(broker.CHUNKS, "nothing.chunk.00000", broker.new_message_id())
    (entry,) = find_drift()
    assert (entry.rule, entry.row_says, entry.fixable) == ("young-orphan-message", "No row", False)
    assert reconcile().made == []
    assert [fixed.done for fixed in drift.fix(entry.id, "ada")] == [False]
    assert len(messages.held_ids()) == 1
    monkeypatch.setattr(leftovers, "YOUNG_SECONDS", -1.0)
    assert reconcile().made == [("nothing.chunk.00000", "orphan-message")]
    assert messages.held_ids() == {}


@pytest.mark.parametrize("data", ["junk", "[]", '{"args": []}'])
def test_a_message_that_nobody_can_read_is_found_and_taken_out(
    database: Servers, data: str
) -> None:
    started_job()
    database.redis_client.hset(f"{broker.NAMESPACE}:{broker.MERGE}.msgs", "odd", data)
    database.redis_client.rpush(f"{broker.NAMESPACE}:{broker.MERGE}", "odd")
    (merges,) = [state for state in backlog.queues() if state.name == broker.MERGE]
    assert (merges.waiting, merges.oldest) == (1, None)
    assert rules() == {("odd", "orphan-message")}
    assert reconcile().made == [("odd", "orphan-message")]
    assert len(messages.held_ids()) == 1


def test_a_job_with_room_for_more_chunks_is_seen_while_others_run(database: Servers) -> None:
    job = started_job()
    unit = lifecycle.claim(Step, split_of(job).job_id, split_of(job).message_id, "worker:1")
    assert unit is not None
    lifecycle.activate(job.job_id)
    lifecycle.complete(unit)
    for index in range(3):
        claimed(a_step(job, index=index))
    a_step(job, index=3)
    # As where a worker ended after its chunk was done and before the next was sent.
    lifecycle.update_job(job.job_id, {"plan": {"something": 1}})
    assert (job.job_id, "part-due") in rules()


def test_a_failed_step_ends_its_job_although_others_still_run() -> None:
    job = started_job()
    unit = lifecycle.claim(Step, split_of(job).job_id, split_of(job).message_id, "worker:1")
    assert unit is not None
    lifecycle.activate(job.job_id)
    lifecycle.complete(unit)
    claimed(a_step(job, index=0))
    failed = claimed(a_step(job, index=1))
    Step._get_collection().update_one(
        {"job_id": failed.job_id},
        {"$set": {"status": "failed", "error_message": "Broken.", "failed_reason": "encoder"}},
    )
    assert (job.job_id, "part-due") in rules()
    reconcile()
    assert lifecycle.find(TranscodeJob, job.job_id).status == Status.failed


def test_a_bulk_operation_without_a_message_is_sent(database: Servers) -> None:
    operation = BulkOperation(
        job_id="bulk-1", queue_name=broker.BULK, job_kind="upload", action="retry", who="ada"
    )
    lifecycle.create([operation], who="ada", why="")
    assert rules() == {("bulk-1", "unsent")}
    reconcile()
    row = lifecycle.find(BulkOperation, "bulk-1")
    assert messages.held_ids() == {row.message_id: "bulk-1"}
    unit = lifecycle.claim(BulkOperation, "bulk-1", row.message_id, "worker:1")
    assert unit is not None
    database.redis_client.flushall()
    expire(unit)
    assert [rule for _, rule in reconcile().made] == ["worker-lost"]
    again = lifecycle.find(BulkOperation, "bulk-1")
    assert messages.held_ids() == {again.message_id: "bulk-1"}


def test_a_late_upload_of_a_completed_job_is_not_cancelled(database: Servers) -> None:
    job = a_job()
    TranscodeJob._get_collection().update_one(
        {"job_id": job.job_id}, {"$set": {"status": "completed", "phase": "uploading"}}
    )
    master, rendition = an_upload(job, "master.2"), an_upload(job, "720p")
    UploadJob.objects(job_id=master.job_id).update_one(set__upload_type="master_playlist")
    assert rules() == {(rendition.job_id, "job-over"), (job.job_id, "late-part-due")}
    reconcile()
    assert lifecycle.find(UploadJob, rendition.job_id).status == Status.cancelled
    late = lifecycle.find(UploadJob, master.job_id)
    assert late.status == Status.waiting
    assert late.message_id in messages.held_ids()
    assert rules() == set()


def test_fix_stuck_lists_first_and_fixes_then_by_kind(database: Servers) -> None:
    job = started_job()
    step = split_of(job)
    upload = enqueued(an_upload(job))
    database.redis_client.flushall()
    planned = fix_stuck("upload", who="ada", dry_run=True)
    assert [(one.job_id, one.done) for one in planned] == [(upload.job_id, False)]
    assert messages.held_ids() == {}
    fixed = fix_stuck("transcode", who="ada", dry_run=False)
    assert [(one.job_id, one.kind, one.action) for one in fixed] == [
        (step.job_id, "step", "A new message was sent.")
    ]
    assert [one.job_id for one in fix_stuck(None, who="ada", dry_run=False)] == [upload.job_id]
    assert fix_stuck(None, who="ada", dry_run=False) == []


def test_a_pass_that_loses_the_lock_stops(
    database: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        started_job()
    database.redis_client.flushall()
    monkeypatch.setattr(repairs, "TOGETHER", 1)
    # It is lost as soon as something was sent.
    assert len(reconcile(still_holds=lambda: not messages.held_ids()).made) == 1


def test_the_loop_keeps_what_it_left_alone_for_the_pages() -> None:
    assert drift.count() is None
    broker.send(broker.CHUNKS, "nothing.chunk.00000", broker.new_message_id())
    loop = Loop()
    loop._once()
    assert drift.count() == 1
    assert drift.overview().passed_at is not None


def test_where_much_is_unfinished_a_page_shows_the_last_pass(
    database: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    started_job()
    Loop()._once()
    database.redis_client.delete(*database.redis_client.keys("dramatiq:*"))
    assert drift.overview().total == 1
    monkeypatch.setattr(drift, "FEW_ROWS", 0)
    assert drift.overview().total == 0
    assert drift.overview().looked_at <= now()
