"""Bulk operations: the same as one by one, counted right, stopped between jobs, never too long."""

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import bson
import pytest

from tasks.control import bulk
from tasks.control.actions import act, act_many
from tasks.control.request import GONE, Request, Result, refused
from tasks.errors import EncoderFailed, Stopped, StorageFailed
from tasks.feed import events
from tasks.jobs import lifecycle
from tasks.jobs.allowed import ALLOWED, Action
from tasks.listing.job_filter import JobFilter
from tasks.models import MODELS, Kind, Status, Step, StepKind, TranscodeJob, UploadJob
from tasks.models.audit_entry import AuditEntry
from tasks.models.bulk_operation import BulkOperation
from tasks.queue import broker
from tests.tasks.rows import a_job, a_step, an_upload, claimed

pytestmark = pytest.mark.usefixtures("database")

WHO = "ada@example.com"
TOGETHER = (Action.retry, Action.cancel)


def a_failed_job() -> TranscodeJob:
    """A job of one chunk that failed after its split was done."""
    job = planned("720p", phase="transcoding")
    lifecycle.fail(claimed(a_step(job)), EncoderFailed("It stumbled."))
    return failed(job)


def with_failed_uploads() -> TranscodeJob:
    """A job that failed because both its uploads did."""
    job = planned("720p", "360p", phase="uploading")
    for kind in (StepKind.CHUNK, StepKind.MERGE):
        assert lifecycle.complete(claimed(a_step(job, kind))) is not None
    for rendition in job.renditions:
        lifecycle.fail(claimed(an_upload(job, rendition["name"])), EncoderFailed("It stumbled."))
    return failed(job)


def planned(*renditions: str, phase: str) -> TranscodeJob:
    job = a_job(
        plan={"chunks": [{"index": 0}], "audio": None},
        phase=phase,
        renditions=[{"name": name} for name in renditions],
    )
    assert lifecycle.complete(claimed(a_step(job, StepKind.SPLIT))) is not None
    return job


def failed(job: TranscodeJob) -> TranscodeJob:
    lifecycle.activate(job.job_id)
    lifecycle.fail_jobs({job.job_id: EncoderFailed("It stumbled.")})
    return lifecycle.find(TranscodeJob, job.job_id)


def work(operation: BulkOperation, stop_after: int | None = None) -> BulkOperation:
    """Does an operation as a worker does; ``stop_after`` so many batches somebody cancels it."""
    # The actors connect to the queue as they are imported.
    from tasks.actors import bulk as actor
    from tasks.actors.heartbeat import Heartbeat

    row = lifecycle.find(BulkOperation, operation.job_id)
    unit = lifecycle.claim(BulkOperation, row.job_id, row.message_id, "worker:1")
    assert unit is not None
    batches = 0

    def many(request: Request, ids: Sequence[str]) -> dict[str, Any]:
        nonlocal batches
        results = act_many(request, ids)
        batches += 1
        if batches == stop_after:
            lifecycle.cancel(BulkOperation, unit.job_id, "bob")
        return results

    with pytest.MonkeyPatch.context() as patch, Heartbeat(unit) as beat:
        patch.setattr(actor, "act_many", many)
        patch.setattr(actor, "BATCH", 10)
        try:
            fields = actor.run_bulk(unit, beat)
        except Stopped:
            assert stop_after is not None
        else:
            assert lifecycle.complete(unit, fields) is not None
    return lifecycle.find(BulkOperation, operation.job_id)


def counted(operation: BulkOperation) -> tuple[int, int, int]:
    return operation.done, operation.skipped, operation.failures


def look(job_id: str) -> dict[str, Any]:
    """Where a job and its parts stand, apart from what differs each time."""
    rows: dict[str, Any] = {}
    for model in (TranscodeJob, Step, UploadJob):
        for row in model.objects(job_id__startswith=job_id):
            rows[row.job_id.removeprefix(job_id)] = (
                row.status,
                row.attempt,
                row.message_id is None,
                (row.error_message or "").replace(" (bulk an opera)", ""),
                [(line.status, line.who) for line in row.history],
            )
    return rows


@pytest.mark.parametrize("action", TOGETHER)
@pytest.mark.parametrize(
    ("kind", "make"),
    [
        (Kind.transcode, a_failed_job),
        (Kind.transcode, a_job),
        (Kind.upload, with_failed_uploads),
    ],
)
def test_many_at_once_come_to_what_one_by_one_come_to(
    action: Action, kind: Kind, make: Callable[[], TranscodeJob]
) -> None:
    one, other = make(), make()
    if action is Action.cancel:
        for job in (one, other):
            if job.finished:
                act(Kind.transcode, Action.retry, job.job_id, WHO)

    def ids_of(job: TranscodeJob) -> list[str]:
        if kind is Kind.transcode:
            return [job.job_id]
        return sorted(UploadJob.objects(transcode_id=job.job_id).scalar("job_id"))

    for job_id in ids_of(one):
        try:
            act(kind, action, job_id, WHO)
        except lifecycle.Conflict:
            assert make is a_job
    results = act_many(Request(kind, action, WHO, operation="an operation"), ids_of(other))
    allowed = make is not a_job or action is Action.cancel
    assert {outcome.result for outcome in results.values()} == {
        Result.done if allowed else Result.skipped
    }
    assert look(other.job_id) == look(one.job_id)


def test_of_a_few_hundred_jobs_each_is_counted_once_and_its_messages_are_queued() -> None:
    over = [a_failed_job().job_id for _ in range(25)]
    waiting = [a_job().job_id for _ in range(13)]
    row = bulk.start(Kind.transcode, Action.retry, WHO, chosen=JobFilter())
    assert row.total == 38

    done = work(row)

    assert counted(done) == (25, 13, 0)
    assert (done.status, done.progress, done.pending) == (Status.completed, 100.0, [])
    (reason,) = done.reasons
    assert (reason["outcome"], reason["count"]) == ("skipped", 13)
    assert "This job is waiting" in reason["reason"]
    assert {result["jobId"] for result in done.results} == set(waiting)
    chunks = Step.objects(kind="chunk")
    assert {step.status for step in chunks} == {Status.waiting}
    # Each has the one message that its row names.
    held = dict(broker.held_messages(broker.CHUNKS))
    assert {step.message_id: step.job_id for step in chunks}.items() <= held.items()
    lines = AuditEntry.objects(action="retry", result="done")
    assert sorted(line.target for line in lines) == sorted(over)
    assert {line.data["operation"] for line in lines} == {row.job_id}
    told = Counter(e.name for e in events.between("0-0", events.last_id(), 5000)[1])
    assert told["jobRetried"] == 2 * len(over)
    # What was skipped is written down too, as a click that is refused.
    skipped = AuditEntry.objects(action="retry", result="refused")
    assert sorted(skipped.scalar("target")) == sorted(waiting)


@pytest.mark.parametrize("action", TOGETHER)
def test_what_a_lost_worker_had_done_is_counted_and_not_done_again(action: Action) -> None:
    make = a_failed_job if action is Action.retry else a_job
    ids = sorted(make().job_id for _ in range(6))
    row = bulk.start(Kind.transcode, action, WHO, chosen=JobFilter())
    # It had two behind it, four in hand, and was lost after the second of those.
    act_many(Request(Kind.transcode, action, WHO, operation=row.job_id), ids[:4])
    AuditEntry.objects(target=ids[3]).delete()
    BulkOperation.objects(job_id=row.job_id).update(position=ids[1], done=2, pending=ids[2:])
    before = look(ids[3])

    done = work(row)

    assert counted(done) == (6, 0, 0)
    assert look(ids[3]) == before
    assert sorted(AuditEntry.objects(action=action.value).scalar("target")) == ids


def test_rows_that_a_lost_worker_had_deleted_are_counted() -> None:
    ids = sorted(a_failed_job().job_id for _ in range(5))
    row = bulk.start(Kind.transcode, Action.delete, WHO, chosen=JobFilter(status=Status.failed))
    act(Kind.transcode, Action.delete, ids[0], WHO)
    BulkOperation.objects(job_id=row.job_id).update(pending=ids[:3])
    assert counted(work(row)) == (5, 0, 0)
    assert len(TranscodeJob.objects) == 0


def test_a_cancelled_operation_stops_and_what_it_did_stays_done() -> None:
    for _ in range(35):
        a_job()
    row = bulk.start(Kind.transcode, Action.cancel, WHO, chosen=JobFilter())

    stopped = work(row, stop_after=2)

    assert (stopped.status, stopped.error_message) == (Status.cancelled, "Cancelled by bob.")
    assert counted(stopped) == (20, 0, 0)
    assert stopped.pending == []
    statuses = Counter(job.status for job in TranscodeJob.objects)
    assert statuses == {Status.cancelled: 20, Status.waiting: 15}


def test_an_operation_cancelled_before_it_began_does_nothing() -> None:
    job = a_job()
    row = bulk.start(Kind.transcode, Action.cancel, WHO, ids=[job.job_id])
    lifecycle.cancel(BulkOperation, row.job_id, "bob")
    assert lifecycle.claim(BulkOperation, row.job_id, row.message_id, "worker:1") is None
    assert lifecycle.find(TranscodeJob, job.job_id).status == Status.waiting


def test_results_of_any_number_of_jobs_fit_into_a_row() -> None:
    from tasks.actors.bulk_counts import BulkCounts

    row = bulk.start(Kind.upload, Action.retry, WHO, chosen=JobFilter())
    tally = BulkCounts(lifecycle.find(BulkOperation, row.job_id))
    for number in range(200):
        # Each with a reason of its own, as long as any, and an id too.
        reason = f"{number} " + "x" * 5000
        failed = refused(StorageFailed(reason))
        tally.add({f"{number:03}{i:03}-{uuid.uuid4()}": failed for i in range(100)})
    fields = tally.fields([])
    assert fields["failures"] == 20_000
    assert sum(entry["count"] for entry in fields["reasons"]) == 20_000
    assert len(bson.encode(fields)) < 1_000_000
    unit = lifecycle.claim(BulkOperation, row.job_id, row.message_id, "worker:1")
    assert unit is not None
    assert lifecycle.renew(unit, fields)


def test_what_is_not_there_and_what_is_being_cleaned_up_is_skipped() -> None:
    cleaned, free = a_failed_job(), a_failed_job()
    lifecycle.hold(TranscodeJob, [cleaned.job_id], [Status.failed], "a word")
    ids = [cleaned.job_id, free.job_id, "none"]
    results = act_many(Request(Kind.transcode, Action.retry, WHO, operation="an operation"), ids)
    assert (results["none"].result, results["none"].reason) == (Result.skipped, GONE)
    assert results[free.job_id].result is Result.done
    outcome = results[cleaned.job_id]
    assert outcome.result is Result.skipped
    assert "cleaned up" in outcome.reason


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("action", list(Action))
def test_a_batch_does_or_refuses_what_the_table_says(kind: Kind, action: Action) -> None:
    rows = {}
    for status in Status:
        job = a_failed_job()
        row = job if kind is Kind.transcode else an_upload(job)
        MODELS[kind].objects(job_id=row.job_id).update(status=status.value)
        rows[row.job_id] = status
    results = act_many(Request(kind, action, WHO, operation="an operation"), list(rows))
    for job_id, status in rows.items():
        expected = Result.done if status in ALLOWED[action] else Result.skipped
        assert results[job_id].result is expected, (status, results[job_id])
