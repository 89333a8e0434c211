"""Workers die in the middle of an encoding, and their work goes on elsewhere."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psutil

from tasks.media.tools import Tools
from tasks.models import StepKind
from tests.recovery.conftest import frames_of
from tests.recovery.films import check_stream, job_of
from tests.recovery.paced import FAST
from tests.recovery.processes import Dailies, Worker
from tests.recovery.waiting import (
    claim_after,
    claims,
    complete,
    encoding_chunk,
    finish,
    steps,
    this_moment,
    until,
)
from tests.servers import Servers
from tests.up.running import all_gone

START = Callable[..., Dailies]
FILM = Callable[[int], Path]
#: How long work may stand still after its worker was killed, with the settings as they are shipped.
BOUND = timedelta(seconds=30)


def _killed_whole(victim: psutil.Process, worker: Worker) -> None:
    family = worker.family()
    assert len(family) > 2, "an encoder is running"
    victim.kill()
    # Not even the encoder lives on: nothing works beside the successor.
    assert all_gone(family) == []
    worker.popen.wait()


def test_a_killed_worker_loses_no_segment(
    empty: Servers, dailies: START, film: FILM, tools: Tools, tmp_path: Path
) -> None:
    run = dailies()
    run.start("reconciler")
    worker = run.worker(pace=2)
    job = job_of(empty, film(2))
    chunk = encoding_chunk(job)
    worker.hold(chunk)
    killed_at = this_moment()
    _killed_whole(worker.process, worker)

    successor = run.worker(pace=FAST)
    assert claim_after(chunk, killed_at).who == successor.name
    assert complete(job).attempt == 1
    assert [step.attempt for step in steps(job)] == [2, 1]
    check_stream(empty, tools, job, tmp_path, frames_of(2))


def test_work_goes_on_within_thirty_seconds_as_shipped(
    empty: Servers, dailies: START, film: FILM, tools: Tools, tmp_path: Path
) -> None:
    shipped = dict.fromkeys(("DAILIES_LEASE_SECONDS", "DAILIES_RECONCILE_SECONDS"), "")
    run = dailies(**shipped)
    run.start("reconciler")
    worker = run.worker(pace=2)
    job = job_of(empty, film(1))
    chunk = encoding_chunk(job)
    worker.hold(chunk)
    # A second job's message is fetched by the busy worker, and waits in its memory.
    behind = job_of(empty, film(1))
    messages = empty.redis_client
    until(lambda: not messages.llen("dramatiq:split"), "the second message to be fetched")
    assert messages.hlen("dramatiq:split.msgs") == 1
    split = steps(behind, StepKind.SPLIT)[0]
    assert claims(split) == []
    killed_at = this_moment()
    _killed_whole(worker.working(), worker)

    run.worker(pace=FAST, threads=2)
    for step in (chunk, split):
        assert claim_after(step, killed_at).at - killed_at < BOUND
    complete(behind)
    complete(job)
    check_stream(empty, tools, job, tmp_path, frames_of(1))


def test_what_kills_every_worker_is_given_up(empty: Servers, dailies: START, film: FILM) -> None:
    run = dailies(DAILIES_LEASE_SECONDS="2", DAILIES_MAX_ATTEMPTS="2")
    run.start("reconciler")
    job = job_of(empty, film(1))
    killed_at = this_moment()
    for _ in range(2):
        worker = run.worker(pace=2)
        chunk = until(lambda: next(iter(steps(job)), None), "the chunk")
        claim_after(chunk, killed_at)
        worker.hold(chunk)
        killed_at = this_moment()
        _killed_whole(worker.process, worker)

    ended = finish(job)
    assert (ended.status, ended.failed_reason) == ("failed", "lost_worker")
    assert "2 workers" in ended.error_message
    assert len(claims(chunk)) == 2
