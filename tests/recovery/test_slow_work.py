"""Slow is not dead; and what stands still for too long is killed and tried again."""

from collections.abc import Callable
from pathlib import Path

from tasks.media.tools import Tools
from tasks.models import Status, Step
from tests.recovery.conftest import frames_of
from tests.recovery.films import check_stream, job_of
from tests.recovery.processes import Dailies
from tests.recovery.waiting import claims, complete, encoding_chunks, this_moment, until
from tests.servers import Servers


def test_slow_work_is_left_alone_and_dead_work_tried_again(
    empty: Servers,
    dailies: Callable[..., Dailies],
    film: Callable[[int], Path],
    tools: Tools,
    tmp_path: Path,
) -> None:
    run = dailies(DAILIES_STALL_SECONDS="10")
    run.start("reconciler")
    first, second = run.two_workers(pace=1)
    job = job_of(empty, film(2))
    slow, dead = encoding_chunks(job, 2)
    workers = {worker.name: worker for worker in (first, second)}
    slow_encoder = workers[slow.lease.worker].hold(slow)
    dead_encoder = workers[dead.lease.worker].hold(dead)
    for worker in first, second:
        worker.hurry()
    since = this_moment()

    def stood_still_for_longer_than_a_lease() -> bool:
        row = Step.objects(job_id=slow.job_id).get()
        return row.lease is not None and (row.updated_at - since).total_seconds() > 3.5

    until(stood_still_for_longer_than_a_lease, "a lease renewed although nothing moves")
    assert Step.objects(job_id=slow.job_id).get().lease.token == slow.lease.token
    slow_encoder.resume()

    complete(job)
    assert len(claims(slow)) == 1
    assert len(claims(dead)) == 2
    assert not dead_encoder.is_running()
    history = Step.objects(job_id=dead.job_id).get().history
    waits = [line for line in history if line.status == Status.waiting][1:]
    assert [line.why for line in waits] == ["The encoder made no progress for 10 seconds."]
    check_stream(empty, tools, job, tmp_path, frames_of(2))
