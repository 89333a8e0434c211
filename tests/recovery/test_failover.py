"""MongoDB as a replica set of three, whose primary dies in the middle of a job."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.infra.database import _connected, connect
from tasks.media.tools import Tools
from tasks.migrations import indexes
from tasks.models import Status
from tasks.settings import get_settings
from tests.recovery.conftest import frames_of
from tests.recovery.films import check_stream, job_of
from tests.recovery.processes import Dailies
from tests.recovery.replica_set import ReplicaSet
from tests.recovery.waiting import complete, encoding_chunk, steps, until
from tests.servers import Servers


@pytest.fixture
def replica_set(clean: Servers, tmp_path: Path) -> Iterator[ReplicaSet]:
    """An empty replica set that this process is connected to."""
    members = ReplicaSet(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        try:
            members.start()
            patch.setenv("MONGO_URL", members.url)
            get_settings.cache_clear()
            _connected.clear()
            connect()
            indexes.ensure()
            clean.s3_client.delete_object(Bucket=clean.bucket, Key="installation.json")
            yield members
        finally:
            members.stop()
    _connected.clear()
    get_settings.cache_clear()


def test_a_job_outlasts_the_death_of_the_primary(
    replica_set: ReplicaSet,
    clean: Servers,
    tools: Tools,
    film: Callable[[int], Path],
    tmp_path: Path,
) -> None:
    # Longer than an election: who works keeps the work.
    run = Dailies(
        clean,
        tmp_path,
        tools.ffmpeg,
        {"MONGO_URL": replica_set.url, "DAILIES_LEASE_SECONDS": "20"},
    )
    try:
        run.start("reconciler")
        worker = run.worker(pace=4)
        job = job_of(clean, film(2))
        encoding_chunk(job)
        former = replica_set.primary()
        assert former is not None
        former.kill()
        worker.hurry()
        until(replica_set.primary, "a new primary")
        complete(job)
        assert [step.status for step in steps(job)] == [Status.completed] * 2
        assert [step.attempt for step in steps(job)] == [1, 1]
        check_stream(clean, tools, job, tmp_path, frames_of(2))
    finally:
        run.close()
