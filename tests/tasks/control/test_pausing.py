"""Paused queues and draining workers, with real worker processes where they matter."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from dramatiq.errors import Retry

from tasks.control import pausing
from tasks.infra.redis_client import get_redis
from tasks.jobs import lifecycle
from tasks.media.tools import Tools
from tasks.models import Status, Step, StepKind, TranscodeJob
from tasks.models.audit_entry import AuditEntry
from tasks.models.clock import now
from tasks.models.hold import Hold
from tasks.queue import backlog, broker
from tasks.queue.workers import worker_name, workers
from tasks.recovery import reconciler
from tests.recovery.conftest import dailies, empty, film, tools
from tests.recovery.films import job_of
from tests.recovery.paced import FAST
from tests.recovery.processes import Dailies
from tests.recovery.waiting import complete, encoding_chunk, steps, until
from tests.servers import Servers
from tests.tasks.rows import a_job, a_step, enqueued

__all__ = ["dailies", "empty", "film", "tools"]

START = Callable[..., Dailies]
FILM = Callable[[int], Path]


def lines(target: str) -> list[tuple[str, str, str]]:
    found = AuditEntry.objects(target=target).order_by("at")
    return [(entry.who, entry.action, entry.result) for entry in found]


def waiting_in(name: str) -> backlog.QueueState:
    return next(state for state in backlog.queues() if state.name == name)


def test_pausing_is_written_down_and_refused_where_it_changes_nothing(database: Servers) -> None:
    pausing.pause(broker.CHUNKS, "ada")
    with pytest.raises(lifecycle.Conflict, match="paused already"):
        pausing.pause(broker.CHUNKS, "bob")
    assert pausing.holds().queues[broker.CHUNKS].who == "ada"
    assert not pausing.may_start(broker.CHUNKS, "w:1")
    assert pausing.may_start(broker.SPLIT, "w:1")
    pausing.resume(broker.CHUNKS, "bob")
    with pytest.raises(lifecycle.Conflict, match="not paused"):
        pausing.resume(broker.CHUNKS, "bob")
    assert pausing.may_start(broker.CHUNKS, "w:1")
    with pytest.raises(lifecycle.NotFound):
        pausing.pause("nothing", "ada")
    assert lines(broker.CHUNKS) == [
        ("ada", "pause", "done"),
        ("bob", "pause", "refused"),
        ("bob", "resume", "done"),
        ("bob", "resume", "refused"),
    ]
    assert lines("nothing") == [("ada", "pause", "refused")]


def test_only_a_worker_that_lives_can_be_drained(database: Servers) -> None:
    with pytest.raises(lifecycle.NotFound, match="no live worker"):
        pausing.drain("w:1", "ada")
    assert lines("w:1") == [("ada", "drain", "refused")]
    assert pausing.holds().workers == {}


def test_what_waits_in_a_queue_is_counted_with_its_age(database: Servers) -> None:
    job = a_job()
    first = enqueued(a_step(job, index=0))
    enqueued(a_step(job, index=1))
    state = waiting_in(broker.CHUNKS)
    assert (state.waiting, state.delayed, state.running) == (2, 0, 0)
    assert state.oldest is not None
    assert state.oldest >= first.enqueued_at - timedelta(seconds=1)
    assert state.oldest <= now()
    assert waiting_in(broker.MERGE).oldest is None


@pytest.fixture
def run(dailies: START) -> Dailies:
    running = dailies()
    running.start("reconciler")
    return running


def test_a_paused_queue_starts_nothing_and_goes_on_where_it_was(
    empty: Servers, run: Dailies, film: FILM, tools: Tools
) -> None:
    run.worker(pace=20)
    pausing.pause(broker.CHUNKS, "ada")
    job = job_of(empty, film(2))
    until(lambda: len(steps(job)) == 2 and _idle(job, StepKind.SPLIT), "a plan")
    until(lambda: waiting_in(broker.FIRST_CHUNKS).waiting == 1, "the first chunk in its queue")
    # Redis forgets everything; the pause does not, and the reconciler sends the messages anew.
    get_redis().flushall()
    until(lambda: waiting_in(broker.FIRST_CHUNKS).waiting == 1, "it is in its queue again")
    commands, since = _commands(), time.monotonic()
    first, second = steps(job)
    assert (first.status, second.status, first.attempt, second.attempt) == (
        *(Status.waiting, Status.waiting),
        *(0, 0),
    )
    # Every message lies in the queue: none goes back and forth.
    queued = waiting_in(broker.FIRST_CHUNKS)
    assert queued.delayed == queued.running == 0
    # Consumers look about once a second each; what goes back and forth would do so at once.
    assert _commands() - commands < 200 + 100 * (time.monotonic() - since)
    assert reconciler.reconcile().made == []
    assert [step.message_id for step in steps(job)] == [first.message_id, second.message_id]
    pausing.resume(broker.CHUNKS, "ada")
    complete(job)
    assert [step.attempt for step in steps(job)] == [1, 1]


def test_what_a_busy_worker_cannot_begin_is_done_by_another(
    empty: Servers, run: Dailies, film: FILM
) -> None:
    busy = run.worker(pace=6)
    first = job_of(empty, film(1))
    encoder = busy.hold(encoding_chunk(first))
    pausing.pause(broker.SPLIT, "ada")
    second = job_of(empty, film(1))
    until(lambda: waiting_in(broker.SPLIT).waiting == 1, "the message in the queue")
    split = steps(second, StepKind.SPLIT)[0]
    assert (split.status, split.attempt) == (Status.waiting, 0)
    pausing.resume(broker.SPLIT, "ada")
    run.worker(pace=FAST)
    complete(second)
    assert steps(second, StepKind.SPLIT)[0].attempt == 1
    encoder.resume()
    complete(first)


@pytest.mark.parametrize("hold", ["queue", "worker"])
def test_a_message_that_slips_through_the_gate_is_not_claimed(database: Servers, hold: str) -> None:
    # Actors want a broker, and so a Redis, when they are imported.
    from tasks.actors.perform import TURNED_AWAY_MS, perform

    step = enqueued(a_step(a_job()))
    name = broker.CHUNKS if hold == "queue" else worker_name()
    Hold(key=f"{hold}:{name}", kind=hold, name=name, who="ada", at=now()).save()

    def work(unit: Step, beat: object) -> dict[str, object]:
        raise AssertionError("it was started")

    with pytest.raises(Retry) as turned_away:
        perform(Step, broker.CHUNKS, step.job_id, step.message_id, work)
    assert turned_away.value.delay == TURNED_AWAY_MS
    after = _step(step)
    assert (after.status, after.attempt, after.message_id) == ("waiting", 0, step.message_id)
    assert len(after.history) == len(step.history)


def test_a_draining_worker_ends_its_work_and_another_takes_over(
    empty: Servers, run: Dailies, film: FILM
) -> None:
    first = run.worker(pace=6)
    job = job_of(empty, film(2))
    busy = encoding_chunk(job)
    until(lambda: first.name in _alive(), "the first worker")
    pausing.drain(first.name, "ada")
    second = run.worker(pace=20)
    complete(job)
    done_by = {step.job_id: _worker_of(step) for step in steps(job)}
    assert done_by.pop(busy.job_id) == first.name
    assert len(done_by) == 1
    assert _worker_of(steps(job, StepKind.MERGE)[0]) == second.name
    # And back: with the second one drained, the first does it all.
    pausing.undrain(first.name, "ada")
    pausing.drain(second.name, "ada")
    again = job_of(empty, film(1))
    complete(again)
    assert {_worker_of(step) for step in Step.objects(transcode_id=again.job_id)} == {first.name}


def _step(step: Step) -> Step:
    return lifecycle.find(Step, step.job_id)


def _idle(job: TranscodeJob, kind: StepKind) -> bool:
    return all(step.status == Status.completed for step in steps(job, kind))


def _worker_of(step: Step) -> str:
    return next(line.who for line in step.history if line.status == Status.active)


def _alive() -> set[str]:
    return {info.name for info in workers()}


def _commands() -> int:
    client: redis.Redis = get_redis()
    return int(client.info("stats")["total_commands_processed"])
