"""One pass heals what fell between rows and queue, and touches nothing else."""

import pytest

from tasks.errors import EncoderFailed
from tasks.infra.lock import Lock
from tasks.jobs import lifecycle
from tasks.jobs.advance import advance
from tasks.models import Media, Phase, Status, Step, StepKind, TranscodeJob, WorkUnit
from tasks.queue import broker
from tasks.recovery.reconciler import reconcile
from tasks.recovery.survey import reading, scan
from tests.servers import Servers
from tests.tasks.rows import a_job, a_media, a_step, claimed, enqueued

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are judged at once: in these tests nobody else moves them."""
    monkeypatch.setattr(reading, "GRACE_SECONDS", -1.0)


def expire(unit: WorkUnit) -> None:
    type(unit)._get_collection().update_one(
        {"job_id": unit.job_id},
        [{"$set": {"lease.expires_at": {"$subtract": ["$$NOW", 1000]}}}],
    )


def split_of(job: TranscodeJob) -> Step:
    step: Step = Step.objects(transcode_id=job.job_id, kind=StepKind.SPLIT.value).get()
    return step


def started_job() -> TranscodeJob:
    job = a_job()
    advance(job.job_id)
    return job


def messages() -> list[tuple[str, str]]:
    return [pair for name in broker.ACTORS for pair in broker.held_messages(name)]


def test_in_a_consistent_state_a_pass_changes_nothing() -> None:
    job = started_job()
    before = split_of(job).to_mongo().to_dict()
    assert reconcile().made == []
    assert split_of(job).to_mongo().to_dict() == before
    assert len(messages()) == 1


def test_a_job_whose_first_message_never_left_is_started() -> None:
    job = a_job()
    reconcile()
    assert split_of(job).message_id in {message_id for message_id, _ in messages()}


def test_a_lost_message_is_sent_anew_once(database: Servers) -> None:
    job = started_job()
    lost = split_of(job).message_id
    database.redis_client.flushall()
    assert reconcile().made == [(split_of(job).job_id, "message-lost")]
    assert [message_id for message_id, _ in messages()] == [split_of(job).message_id]
    assert split_of(job).message_id != lost
    assert reconcile().made == []
    assert len(messages()) == 1


def test_a_fetched_message_is_not_taken_for_lost() -> None:
    job = started_job()
    consumer = broker.get_broker().consume(broker.SPLIT, prefetch=1, timeout=100)
    assert next(consumer) is not None
    assert reconcile().made == []
    assert split_of(job).message_id is not None


def test_a_retry_that_is_due_later_is_not_taken_for_lost() -> None:
    unit = claimed(a_step(a_job(), StepKind.SPLIT))
    lifecycle.retry_later(unit, EncoderFailed("It stumbled."), 60.0)
    assert (unit.job_id, "message-lost") not in reconcile().made


def test_work_of_a_silent_worker_is_given_to_others_at_once() -> None:
    job = started_job()
    step = split_of(job)
    unit = lifecycle.claim(Step, step.job_id, step.message_id, "worker:1")
    assert unit is not None
    expire(unit)
    assert (step.job_id, "worker-lost") in reconcile().made
    again = split_of(job)
    assert (again.status, again.lost) == (Status.waiting, 1)
    assert again.message_id in {message_id for message_id, _ in messages()}
    assert "worker:1" in again.history[-1].why


def test_work_of_a_live_worker_is_never_touched() -> None:
    job = started_job()
    step = split_of(job)
    unit = lifecycle.claim(Step, step.job_id, step.message_id, "worker:1")
    assert unit is not None
    lifecycle.activate(job.job_id)
    assert reconcile().made == []
    assert lifecycle.renew(unit, {})


def test_after_an_outage_leases_are_not_judged() -> None:
    unit = claimed(a_step(a_job(), StepKind.SPLIT))
    expire(unit)
    reconcile(judge_leases=False)
    assert lifecycle.renew(unit, {})


def test_parts_of_a_cancelled_job_do_not_go_on() -> None:
    job = started_job()
    # As where a process died between cancelling the job and its parts.
    TranscodeJob._get_collection().update_one(
        {"job_id": job.job_id}, {"$set": {"status": "cancelled"}}
    )
    reconcile()
    assert split_of(job).status == Status.cancelled


def test_one_stuck_part_is_seen_while_another_moves() -> None:
    job = started_job()
    first = a_step(job, index=0)
    second = a_step(job, index=1)
    moving, lost = claimed(first), claimed(second)
    expire(lost)
    repaired = dict(reconcile().made)
    assert repaired.get(lost.job_id) == "worker-lost"
    assert moving.job_id not in repaired


def test_of_several_reconcilers_one_acts_and_another_takes_over() -> None:
    first, second = Lock("dailies:a-lock", 60), Lock("dailies:a-lock", 60)
    assert first.hold()
    assert not second.hold()
    assert first.hold()
    first.release()
    assert second.hold()


def test_a_message_is_claimed_once_however_often_it_was_sent(database: Servers) -> None:
    step = enqueued(a_step(a_job(), StepKind.SPLIT))
    database.redis_client.flushall()
    reconcile()
    again = lifecycle.find(Step, step.job_id)
    assert lifecycle.claim(Step, step.job_id, step.message_id, "late") is None
    assert lifecycle.claim(Step, step.job_id, again.message_id, "worker:1") is not None


def test_whatever_decide_says_is_due_is_found_and_done() -> None:
    # Its process was killed before it wrote the next phase: a counter of parts sees nothing amiss.
    job = a_job(plan={"chunks": [{"index": 0}], "audio": None}, renditions=[{"name": "720p"}])
    lifecycle.complete(claimed(a_step(job, StepKind.SPLIT)))
    claimed(a_step(job))
    lifecycle.activate(job.job_id)
    found = [finding for finding in scan().findings if finding.ref == job.job_id]
    assert [finding.rule.id for finding in found] == ["part-due"]
    assert (job.job_id, "part-due") in reconcile().made
    assert lifecycle.find(TranscodeJob, job.job_id).phase == Phase.transcoding
    assert scan().findings == []


def test_a_note_of_subtitles_that_asks_for_nothing_is_taken_back() -> None:
    media = a_media()
    job = a_job(media_id=media.media_id)
    lifecycle.activate(job.job_id)
    lifecycle.complete_job(job.job_id, {})
    Media.objects(media_id=media.media_id).update(master_key="hls/x", subtitles_due="a note")
    look = scan()
    assert (look.findings, look.settled) == ([], [job.job_id])
    assert reconcile().made == []
    assert Media.objects.get(media_id=media.media_id).subtitles_due is None
