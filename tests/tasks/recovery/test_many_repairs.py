"""Many repairs of one pass: in batches, each row by itself, and no kill in between loses any."""

import pytest

from tasks.feed import events
from tasks.jobs import lifecycle
from tasks.jobs.advance import advance
from tasks.models import Status, Step, StepKind, TranscodeJob
from tasks.models.repair import Repair
from tasks.queue import broker, messages
from tasks.recovery import repairs
from tasks.recovery.reconciler import reconcile
from tasks.recovery.survey import reading
from tasks.settings import get_settings
from tests.servers import Servers
from tests.tasks.rows import a_job, a_step, claimed, enqueued

pytestmark = pytest.mark.usefixtures("database")

#: More than one batch, and no multiple of it.
MANY, TOGETHER = 14, 4


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "GRACE_SECONDS", -1.0)
    monkeypatch.setattr(repairs, "TOGETHER", TOGETHER)


class Killed(BaseException):
    """What nothing catches, as nothing survives kill -9."""


def started(count: int) -> list[TranscodeJob]:
    jobs = [a_job() for _ in range(count)]
    for job in jobs:
        advance(job.job_id)
    return jobs


def splits() -> list[Step]:
    return list(Step.objects(kind=StepKind.SPLIT.value).order_by("job_id"))


def queued() -> list[tuple[str, str]]:
    return sorted(pair for name in broker.ACTORS for pair in broker.held_messages(name))


def wanted() -> list[tuple[str, str]]:
    return sorted((step.message_id, step.job_id) for step in splits())


def planned(count: int) -> TranscodeJob:
    """A job that is split into so many chunks, of which none has a row yet."""
    plan = {"chunks": [{"index": index} for index in range(count)], "audio": None}
    job = a_job(plan=plan, phase="transcoding", renditions=[{"name": "720p"}])
    a_step(job, StepKind.SPLIT)
    Step.objects(transcode_id=job.job_id).update(status=Status.completed.value)
    return job


def leased(count: int) -> list[Step]:
    """Chunks of one film at work, whose leases ran out."""
    job = planned(count)
    steps = [claimed(a_step(job, index=index), f"worker:{index % 2}") for index in range(count)]
    lifecycle.activate(job.job_id)
    expire(job.job_id)
    return steps


def expire(transcode_id: str) -> None:
    Step._get_collection().update_many(
        {"transcode_id": transcode_id, "lease": {"$ne": None}},
        [{"$set": {"lease.expires_at": {"$subtract": ["$$NOW", 1000]}}}],
    )


def test_each_lost_message_is_sent_anew_once_and_kept_as_a_repair(database: Servers) -> None:
    started(MANY)
    before = wanted()
    database.redis_client.flushall()
    result = reconcile()
    assert sorted(result.made) == [(step.job_id, "message-lost") for step in splits()]
    assert queued() == wanted()
    assert not set(before) & set(wanted())
    kept = Repair.objects(rule="message-lost")
    assert sorted(repair.ref for repair in kept) == [step.job_id for step in splits()]
    assert {(repair.who, repair.name) for repair in kept} == {("reconciler", "Film")}
    assert reconcile().made == []


def test_the_lock_is_held_between_any_two_batches(database: Servers) -> None:
    started(MANY)
    database.redis_client.flushall()
    held: list[int] = []

    def still_holds() -> bool:
        held.append(len(queued()))
        return True

    reconcile(still_holds=still_holds)
    # Never more than the batches that are under way together were sent without a sign.
    gaps = [after - before for before, after in zip(held, [*held[1:], MANY], strict=True)]
    assert max(gaps) <= 3 * TOGETHER
    assert len(held) > MANY / TOGETHER


@pytest.mark.parametrize("sent", [True, False], ids=["after sending", "before sending"])
def test_a_process_that_is_killed_in_the_middle_loses_and_doubles_nothing(
    database: Servers, monkeypatch: pytest.MonkeyPatch, sent: bool
) -> None:
    started(MANY)
    database.redis_client.flushall()
    send_many = broker.send_many

    def killed(batch: list[tuple[str, str, str]]) -> bool:
        if sent:
            send_many(batch)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(broker, "send_many", killed)
        with pytest.raises(Killed):
            reconcile()
    assert len(queued()) < MANY
    reconcile()
    assert queued() == wanted()
    assert reconcile().made == []


def test_all_that_lost_workers_had_waits_again_with_a_message(database: Servers) -> None:
    steps = leased(MANY)
    last = events.last_id()
    assert sorted(reconcile().made) == sorted((step.job_id, "worker-lost") for step in steps)
    after = list(Step.objects(job_id__in=[step.job_id for step in steps]).order_by("index"))
    assert {(step.status, step.lost, step.lease) for step in after} == {("waiting", 1, None)}
    assert [step.history[-1].why for step in after] == [
        f"Its worker worker:{index % 2} went silent." for index in range(MANY)
    ]
    assert {step.history[-1].who for step in after} == {"reconciler"}
    # Each is out as before, and the messages by which the lost workers came are gone.
    assert queued() == sorted((step.message_id, step.job_id) for step in after)
    told = [event.data for event in events.tail(last) if event.name == "jobChanged"]
    assert {data["jobId"] for data in told} >= {step.job_id for step in steps}
    assert reconcile().made == []


def test_of_many_leases_one_that_was_renewed_is_left_alone(database: Servers) -> None:
    steps = leased(3)
    assert lifecycle.renew(steps[1], {})
    leases = {step.job_id: step.lease.token for step in steps}
    taken = lifecycle.take_from_lost_workers(Step, leases)
    assert {row["job_id"] for row in taken} == {steps[0].job_id, steps[2].job_id}
    assert lifecycle.renew(steps[1], {})


def test_a_lease_of_somebody_else_is_left_alone(database: Servers) -> None:
    [step] = leased(1)
    assert lifecycle.take_from_lost_workers(Step, {step.job_id: "another's"}) == []
    assert lifecycle.take_from_lost_workers(Step, {step.job_id: None}) == []
    assert lifecycle.find(Step, step.job_id).status == Status.active


def test_those_that_lost_too_many_workers_fail_and_their_jobs_with_them(database: Servers) -> None:
    steps = leased(MANY)
    most = get_settings().max_attempts - 1
    Step.objects(job_id=steps[0].job_id).update(lost=most, lost_in_a_row=most)
    reconcile()
    failed = lifecycle.find(Step, steps[0].job_id)
    assert (failed.status, failed.failed_reason) == (Status.failed, "lost_worker")
    job = lifecycle.find(TranscodeJob, failed.transcode_id)
    assert (job.status, job.failed_reason) == (Status.failed, "lost_worker")
    left = Step.objects(transcode_id=job.job_id, status__in=["waiting", "active"])
    assert (list(left), queued()) == ([], [])


@pytest.mark.parametrize("count", [2, MANY])
def test_many_messages_that_nobody_waits_for_are_taken_out_and_no_other(
    database: Servers, count: int
) -> None:
    job = planned(count)
    steps = [enqueued(a_step(job, index=index)) for index in range(count)]
    for step in steps:
        broker.send(broker.CHUNKS, step.job_id, broker.new_message_id())
    # A worker has one of them.
    strays = sorted(
        messages.look_up({m for m, _ in queued()} - {step.message_id for step in steps}),
        key=lambda message: message.job_id,
    )
    database.redis_client.lrem(f"dramatiq:{broker.CHUNKS}", 1, strays[0].key)
    made = [ref for ref, rule_id in reconcile().made if rule_id == "stray-message"]
    assert sorted(made) == [message.job_id for message in strays[1:]]
    left = sorted([(step.message_id, step.job_id) for step in steps])
    assert queued() == sorted([*left, (strays[0].message_id, strays[0].job_id)])
    listed = database.redis_client.lrange(f"dramatiq:{broker.CHUNKS}", 0, -1)
    assert len(listed) == count
