"""Whatever goes wrong between any two steps, one pass leads to a consistent state.

Hypothesis drives jobs over real MongoDB and Redis with workers that are played here, and between
any two steps lets processes die, messages vanish or come twice, leases run out, Redis be emptied,
and people cancel and retry. After a pass rows and queue agree, and a second pass changes nothing;
in the end every job is finished, and no finished work was ever run again.
"""

import contextlib
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tasks.errors import BadInput, EncoderFailed
from tasks.infra.database import server_time
from tasks.jobs import lifecycle
from tasks.jobs.advance import advance
from tasks.jobs.decide import Action
from tasks.jobs.execute import execute
from tasks.jobs.lifecycle import cancelling
from tasks.media.plan import make_plan
from tasks.models import FINISHED, Status, Step, StepKind, TranscodeJob, UploadJob
from tasks.models.repair import Repair
from tasks.queue import broker, messages
from tasks.recovery.reconciler import reconcile
from tasks.recovery.survey import reading
from tests.media.values import audio_info, source_info
from tests.servers import Servers
from tests.tasks.rows import a_job, due

#: More chunks than may be out at a time, and as few rungs as there can be.
PLAN = make_plan(source_info(audio_info(), frames=900, size=(320, 180)), target_chunk_seconds=6)
RENDITIONS = [{"name": rung.name} for rung in PLAN.rungs] + [{"name": "audio"}]
#: Jobs in one example.
MOST_JOBS = 2
#: Rounds in which everything left must come to an end.
ROUNDS = 60

Part = Step | UploadJob
PICK = st.integers(min_value=0, max_value=1000)


@dataclass
class Running:
    """A part as its worker knows it, and the message by which it came."""

    part: Any
    message: messages.Message


class Machine(RuleBasedStateMachine):
    """The rules are what may happen at any time."""

    servers: Servers

    def __init__(self) -> None:
        super().__init__()
        for model in (TranscodeJob, Step, UploadJob, Repair):
            model._get_collection().delete_many({})
        self.servers.redis_client.flushall()
        self.jobs: list[str] = []
        self.running: list[Running] = []

    # What goes right

    @precondition(lambda self: len(self.jobs) < MOST_JOBS)
    @rule(dies=st.booleans())
    def submit(self, dies: bool) -> None:
        # Always the same, so that an example can be played again.
        job = a_job(job_id=str(uuid.UUID(int=len(self.jobs))))
        self.jobs.append(job.job_id)
        if not dies:
            advance(job.job_id)

    @precondition(lambda self: len(self.jobs) < MOST_JOBS)
    @rule(count=st.integers(min_value=1, max_value=12))
    def submit_and_work(self, count: int) -> None:
        """So that what goes wrong meets jobs in all their phases."""
        self.submit(dies=False)
        self.work_for_a_while(count)

    @precondition(lambda self: self.queued())
    @rule(count=st.integers(min_value=1, max_value=12))
    def work_for_a_while(self, count: int) -> None:
        for _ in range(count):
            queued = self.queued()
            if not queued:
                return
            running = self.begin(queued[0])
            if running is not None:
                self.finish(running, advances=True, acknowledges=True)

    @precondition(lambda self: self.queued())
    @rule(pick=PICK, dies=st.booleans())
    def fetch(self, pick: int, dies: bool) -> None:
        running = self.begin(_one_of(self.queued(), pick), activates=not dies)
        if running is not None:
            self.running.append(running)

    @precondition(lambda self: self.running)
    @rule(pick=PICK, dies=st.booleans(), forgets=st.booleans())
    def complete(self, pick: int, dies: bool, forgets: bool) -> None:
        running = self.take(pick)
        self.finish(running, advances=not dies, acknowledges=not (dies or forgets))

    @precondition(lambda self: self.running)
    @rule(pick=PICK, dies=st.booleans())
    def fail(self, pick: int, dies: bool) -> None:
        running = self.take(pick)
        lifecycle.fail(running.part, BadInput("It is broken."))
        self.acknowledge(running.message)
        if not dies:
            advance(running.part.transcode_id)

    @precondition(lambda self: self.running)
    @rule(pick=PICK, lost=st.booleans())
    def try_again_later(self, pick: int, lost: bool) -> None:
        running = self.take(pick)
        lifecycle.retry_later(running.part, EncoderFailed("It stumbled."), 0.0)
        if lost:
            self.acknowledge(running.message)
        else:
            self.deliver_again(running.message)

    @precondition(lambda self: self.running)
    @rule(pick=PICK, dies=st.booleans())
    def shut_down(self, pick: int, dies: bool) -> None:
        running = self.take(pick)
        lifecycle.put_back(running.part, "Its worker shut down.")
        self.acknowledge(running.message)
        if not dies:
            advance(running.part.transcode_id)

    @precondition(lambda self: self.running)
    @rule(pick=PICK)
    def renew(self, pick: int) -> None:
        running = _one_of(self.running, pick)
        lifecycle.renew(running.part, {"progress": 10.0})

    # What goes wrong

    @precondition(lambda self: self.running)
    @rule(pick=PICK, redelivered=st.booleans())
    def kill_a_worker(self, pick: int, redelivered: bool) -> None:
        running = self.take(pick)
        self.expire(running.part)
        if redelivered:
            self.deliver_again(running.message)

    @precondition(lambda self: self.running)
    @rule(pick=PICK)
    def stall_a_worker(self, pick: int) -> None:
        """It works on without noticing that its lease ran out."""
        self.expire(_one_of(self.running, pick).part)

    @precondition(lambda self: self.queued())
    @rule(pick=PICK)
    def lose_a_message(self, pick: int) -> None:
        assert messages.drop([_one_of(self.queued(), pick)])

    @precondition(lambda self: self.queued())
    @rule(pick=PICK)
    def send_a_message_twice(self, pick: int) -> None:
        message = _one_of(self.queued(), pick)
        broker.send(message.queue_name, message.job_id, message.message_id)

    @rule()
    def empty_redis(self) -> None:
        self.servers.redis_client.flushall()

    @precondition(lambda self: self.jobs)
    @rule(pick=PICK, count=st.integers(min_value=0, max_value=2))
    def die_while_advancing(self, pick: int, count: int) -> None:
        job = lifecycle.find(TranscodeJob, _one_of(self.jobs, pick))
        actions: list[Action] = due(job.job_id)
        execute({job.job_id: actions[:count]})

    @precondition(lambda self: self.jobs)
    @rule(pick=PICK, half=st.booleans())
    def cancel(self, pick: int, half: bool) -> None:
        job_id = _one_of(self.jobs, pick)
        with contextlib.suppress(lifecycle.Conflict):
            if half:
                # As where the process died before it came to the parts.
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(cancelling, "cancel_children", lambda *_args, **_named: None)
                    lifecycle.cancel(TranscodeJob, job_id, "ada")
            else:
                lifecycle.cancel(TranscodeJob, job_id, "ada")

    @precondition(lambda self: self.jobs)
    @rule(pick=PICK, dies=st.booleans())
    def retry(self, pick: int, dies: bool) -> None:
        job_id = _one_of(self.jobs, pick)
        with contextlib.suppress(lifecycle.Conflict):
            lifecycle.retry(TranscodeJob, job_id, "ada")
            if not dies:
                advance(job_id)

    # What heals it

    @rule()
    def reconcile(self) -> None:
        reconcile()
        self.check_consistent()
        before = self.everything()
        again = reconcile()
        assert (again.made, again.left) == ([], [])
        assert self.everything() == before

    def teardown(self) -> None:
        self.check_run_once()
        for running in self.running:
            self.expire(running.part)
        self.running = []
        for _ in range(ROUNDS):
            reconcile()
            self.check_consistent()
            if not self.queued():
                break
            self.work_for_a_while(len(self.queued()))
        assert all(lifecycle.find(TranscodeJob, job_id).finished for job_id in self.jobs)
        self.check_run_once()

    # Checks

    def check_consistent(self) -> None:
        held = messages.held_ids()
        at = server_time()
        named = set()
        under_way: dict[str, int] = dict.fromkeys(self.jobs, 0)
        open_jobs = {
            job.job_id for job in map(self.job, self.jobs) if Status(job.status) not in FINISHED
        }
        for part in self.parts():
            if part.finished:
                assert part.message_id is None, part.job_id
                continue
            assert part.transcode_id in open_jobs, f"{part.job_id} of a finished job"
            if part.status == Status.active:
                assert part.lease.expires_at > at, part.job_id
                under_way[part.transcode_id] += 1
            elif part.message_id is not None:
                assert part.message_id in held, f"{part.job_id} waits for nothing"
                under_way[part.transcode_id] += 1
            named.add(part.message_id)
        for message in self.queued():
            assert message.message_id in named, f"{message.job_id} is queued for nothing"
        for job_id in self.jobs:
            assert due(job_id) == [], job_id
        for job_id in open_jobs:
            assert under_way[job_id], f"{job_id} stands still"

    def check_run_once(self) -> None:
        for part in self.parts():
            statuses = [line.status for line in part.history]
            if Status.completed in statuses:
                after = statuses[statuses.index(Status.completed) + 1 :]
                assert after == [], f"{part.job_id} was done and then {after}"

    def everything(self) -> list[Any]:
        collections = [model._get_collection() for model in (TranscodeJob, Step, UploadJob, Repair)]
        rows = [list(collection.find({}, sort=[("_id", 1)])) for collection in collections]
        client = self.servers.redis_client
        keys = sorted(client.scan_iter("dramatiq:*.msgs"))
        return [*rows, [(key, client.hgetall(key)) for key in keys]]

    # The played worker

    def parts(self) -> list[Part]:
        return [*Step.objects(), *UploadJob.objects()]

    def job(self, job_id: str) -> TranscodeJob:
        return lifecycle.find(TranscodeJob, job_id)

    def queued(self) -> list[messages.Message]:
        found = messages.look_up(messages.held_ids().keys())
        return sorted((m for m in found if not m.fetched), key=lambda m: (m.job_id, m.key))

    def begin(self, message: messages.Message, *, activates: bool = True) -> Running | None:
        """A worker fetches a message and claims its part; None where that is not to be had."""
        self.servers.redis_client.lrem(f"dramatiq:{message.queue_name}", 1, message.key)
        uploads = message.queue_name.startswith("upload-")
        model: Any = UploadJob if uploads else Step
        part = lifecycle.claim(model, message.job_id, message.message_id, "worker:1")
        if part is None:
            self.acknowledge(message)
            return None
        if activates:
            lifecycle.activate(part.transcode_id)
        return Running(part, message)

    def take(self, pick: int) -> Running:
        return self.running.pop(pick % len(self.running))

    def acknowledge(self, message: messages.Message) -> None:
        self.servers.redis_client.hdel(f"dramatiq:{message.queue_name}.msgs", message.key)

    def deliver_again(self, message: messages.Message) -> None:
        """As Dramatiq does with what a dead worker had fetched, if Redis still has it."""
        if self.servers.redis_client.hexists(f"dramatiq:{message.queue_name}.msgs", message.key):
            self.servers.redis_client.rpush(f"dramatiq:{message.queue_name}", message.key)

    def expire(self, part: Part) -> None:
        type(part)._get_collection().update_one(
            {"job_id": part.job_id, "lease.token": part.lease.token},
            [{"$set": {"lease.expires_at": {"$subtract": ["$$NOW", 1000]}}}],
        )

    def finish(self, running: Running, *, advances: bool, acknowledges: bool) -> None:
        part = running.part
        if isinstance(part, Step) and part.kind == StepKind.SPLIT:
            plan = PLAN.model_dump(mode="json")
            lifecycle.update_job(part.transcode_id, {"plan": plan, "renditions": RENDITIONS})
        now_there = type(part).objects(job_id=part.job_id).first()
        held = now_there.lease is not None and now_there.lease.token == part.lease.token
        # Who lost the lease is told so, and changes nothing.
        assert (lifecycle.complete(part) is not None) == held
        if acknowledges:
            self.acknowledge(running.message)
        if advances:
            advance(part.transcode_id)


def _one_of(items: Any, pick: int) -> Any:
    return items[pick % len(items)]


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are judged at once: here nothing moves while a pass looks."""
    monkeypatch.setattr(reading, "GRACE_SECONDS", -1.0)


@pytest.mark.usefixtures("no_grace")
def test_one_pass_heals_whatever_went_wrong(database: Servers) -> None:
    class OnTheseServers(Machine):
        servers = database

    run_state_machine_as_test(
        OnTheseServers,
        settings=settings(
            # An example takes about a second.
            max_examples=settings().max_examples // 10,
            stateful_step_count=30,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
