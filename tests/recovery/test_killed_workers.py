"""Workers die in the middle of an encoding, and their work goes on elsewhere."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psutil

from tasks.media.tools import Tools
from tasks.models import Status, Step, StepKind, TranscodeJob
from tasks.queue.workers import workers
from tests.recovery.conftest import frames_of
from tests.recovery.films import check_stream, job_of
from tests.recovery.paced import FAST
from tests.recovery.processes import Dailies, Worker
from tests.recovery.waiting import (
    claim_after,
    claims,
    complete,
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


def test_work_of_killed_workers_goes_on_within_thirty_seconds_as_shipped(
    empty: Servers, dailies: START, film: FILM, tools: Tools, tmp_path: Path
) -> None:
    shipped = dict.fromkeys(("DAILIES_LEASE_SECONDS", "DAILIES_RECONCILE_SECONDS"), "")
    run = dailies(**shipped)
    run.start("reconciler")
    pair = run.two_workers(pace=2)
    jobs = [job_of(empty, film(2)), job_of(empty, film(2))]
    # Either worker is in the middle of a chunk, whichever job it is of.
    chunks = until(lambda: _held(jobs, pair), "two chunks that are being encoded")
    # A third job waits: neither worker has a thread for it, and neither holds its message.
    behind = job_of(empty, film(1))
    assert empty.redis_client.llen("dramatiq:split") == 1
    split = steps(behind, StepKind.SPLIT)[0]
    assert claims(split) == []
    killed_at = this_moment()
    # Of one the process that works is killed, of the other the one that watches over it.
    _killed_whole(pair[0].working(), pair[0])
    _killed_whole(pair[1].process, pair[1])

    successor = run.worker(pace=FAST, threads=2)
    until(lambda: successor.name in [worker.name for worker in workers()], "its sign of life")
    # A worker's start is as slow as the machine is busy; from then on the bound is Dailies' own.
    there_at = this_moment()
    for step in (*chunks, split):
        claim = claim_after(step, killed_at, 60)
        assert claim.at - there_at < BOUND
        assert claim.who == successor.name
    complete(behind)
    for job in jobs:
        assert complete(job).attempt == 1
    attempts = {step.job_id: step.attempt for job in jobs for step in steps(job)}
    lost = {chunk.job_id for chunk in chunks}
    assert attempts == {job_id: 2 if job_id in lost else 1 for job_id in attempts}
    for job in jobs:
        check_stream(empty, tools, job, tmp_path / job.job_id, frames_of(2))


def _held(jobs: list[TranscodeJob], pair: tuple[Worker, Worker]) -> list[Step]:
    """The chunks that the two workers encode, held in the middle; none before both are."""
    busy = [
        step
        for job in jobs
        for step in steps(job)
        if step.status == Status.active and 0 < step.frames_done < step.frames
    ]
    if len({step.lease.worker for step in busy}) < len(pair):
        return []
    for step in busy:
        next(worker for worker in pair if worker.name == step.lease.worker).hold(step)
    return busy


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
