"""Workers share a job's chunks, and one that shuts down hands its work to the other."""

from collections.abc import Callable
from pathlib import Path

from tasks.media.tools import Tools
from tasks.models import Step
from tests.recovery.conftest import frames_of
from tests.recovery.films import check_stream, job_of
from tests.recovery.processes import Dailies
from tests.recovery.waiting import (
    claim_after,
    claims,
    complete,
    encoding_chunks,
    steps,
    this_moment,
)
from tests.servers import Servers
from tests.up.running import all_gone


def test_a_worker_that_is_told_to_stop_hands_its_work_over(
    empty: Servers,
    dailies: Callable[..., Dailies],
    film: Callable[[int], Path],
    tools: Tools,
    tmp_path: Path,
) -> None:
    # No reconciler: handing over is the worker's own doing.
    run = dailies()
    leaving, staying = run.two_workers(pace=1)
    job = job_of(empty, film(3))
    busy = encoding_chunks(job, 2)
    assert {step.lease.worker for step in busy} == {leaving.name, staying.name}
    handed = next(step for step in busy if step.lease.worker == leaving.name)
    leaving.hold(handed)
    staying.hurry()
    family = leaving.family()
    leaving_name = leaving.name
    stopped_at = this_moment()
    leaving.process.terminate()

    claim = claim_after(handed, stopped_at)
    assert claim.who == staying.name
    assert leaving.popen.wait(30) == 0
    assert all_gone(family) == []
    complete(job)
    back = [
        line
        for line in Step.objects(job_id=handed.job_id).get().history
        if line.who == leaving_name
    ]
    assert [line.status for line in back] == ["active", "waiting"]
    assert back[1].why == "Its worker shut down."
    # The attempt that was handed back does not count.
    assert [step.attempt for step in steps(job)] == [1, 1, 1]
    assert len(claims(handed)) == 2
    check_stream(empty, tools, job, tmp_path, frames_of(3))
