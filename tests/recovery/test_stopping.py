"""A job that is cancelled stops at once, and one that is retried keeps what it has."""

import os
from collections.abc import Callable
from pathlib import Path

from tasks.control.actions import act
from tasks.jobs import lifecycle
from tasks.jobs.allowed import Action
from tasks.media.tools import Tools
from tasks.models import Kind, Status, Step, TranscodeJob
from tests.recovery.conftest import frames_of
from tests.recovery.films import check_stream, job_of
from tests.recovery.processes import Dailies
from tests.recovery.waiting import (
    claims,
    complete,
    finish,
    steps,
    until,
)
from tests.servers import Servers

START = Callable[..., Dailies]
FILM = Callable[[int], Path]


def _group_lives(number: int) -> bool:
    """Whether a process group has members; one that ended counts until its parent has noticed."""
    try:
        os.killpg(number, 0)
    except ProcessLookupError:
        return False
    return True


def _done_and_busy(job: TranscodeJob) -> tuple[Step, Step] | None:
    first, second = steps(job)
    done = first.status == Status.completed and second.status == Status.active
    return (first, second) if done and second.frames_done else None


def test_a_cancelled_job_stops_within_two_seconds_and_can_go_on(
    empty: Servers, dailies: START, film: FILM, tools: Tools, tmp_path: Path
) -> None:
    run = dailies()
    worker = run.worker(pace=3)
    job = job_of(empty, film(2))
    until(lambda: len(steps(job)) == 2, "a plan")
    done, busy = until(lambda: _done_and_busy(job), "one chunk done and one busy")
    encoder = worker.hold(busy)
    worker.hurry()
    assert os.getpgid(encoder.pid) == encoder.pid
    lifecycle.cancel(TranscodeJob, job.job_id, "a person")
    # Two seconds where the machine has time; a busy one gets more.
    until(lambda: not _group_lives(encoder.pid), "the end of its process group", 30)
    assert finish(job).status == Status.cancelled
    assert {step.status for step in steps(job)} == {Status.completed, Status.cancelled}

    act(Kind.transcode, Action.retry, job.job_id, "a person")
    complete(job)
    assert len(claims(done)) == 1
    assert len(claims(busy)) == 2
    check_stream(empty, tools, job, tmp_path, frames_of(2))


def test_a_failed_job_that_is_retried_keeps_its_finished_chunks(
    empty: Servers, dailies: START, film: FILM, tools: Tools, tmp_path: Path
) -> None:
    run = dailies(DAILIES_MAX_ATTEMPTS="1")
    worker = run.worker(pace=3)
    job = job_of(empty, film(2))
    until(lambda: len(steps(job)) == 2, "a plan")
    done, busy = until(lambda: _done_and_busy(job), "one chunk done and one busy")
    held = worker.hold(busy)
    worker.hurry()
    held.kill()
    ended = finish(job)
    assert (ended.status, ended.failed_reason) == ("failed", "encoder")
    assert ended.error_message == "The encoder was killed by SIGKILL."

    act(Kind.transcode, Action.retry, job.job_id, "a person")
    complete(job)
    kept, again = steps(job)
    assert (kept.attempt, kept.history) == (1, done.history)
    assert [line.status for line in again.history] == [
        *("waiting", "active", "failed"),
        *("waiting", "active", "completed"),
    ]
    check_stream(empty, tools, job, tmp_path, frames_of(2))
