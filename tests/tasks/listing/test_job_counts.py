"""Counts of jobs: true after every change, and after MongoDB was killed."""

from collections.abc import Callable

import pytest

from tasks.errors import WorkError
from tasks.jobs import lifecycle
from tasks.listing.job_counts import Counter
from tasks.models import Status, TranscodeJob
from tests.recovery.waiting import until
from tests.servers import Servers
from tests.tasks.rows import a_job

pytestmark = pytest.mark.usefixtures("database")


def numbers(**counts: int) -> dict[str, int]:
    return {"total": sum(counts.values()), **{s.value: counts.get(s.value, 0) for s in Status}}


@pytest.fixture(params=["few rows", "many rows"])
def now(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Waits until a counter says what is; many rows are counted in another way than few."""
    if request.param == "many rows":
        monkeypatch.setattr("tasks.listing.job_counts.SMALL", -1)
        # MongoDB's own number never goes below zero, though it may be too low after a kill in an
        # earlier test: then the first rows are not in it. With as few rows, nobody asks for it.
        TranscodeJob.drop_collection()
        TranscodeJob.ensure_indexes()
    counter = Counter(TranscodeJob)

    def check(**counts: int) -> None:
        until(lambda: counter.counts() == numbers(**counts), f"{counts}")

    return check


def test_counts_follow_what_happens(now: Callable[..., None]) -> None:
    now()
    jobs = [a_job() for _ in range(5)]
    now(waiting=5)
    for job in jobs[:3]:
        lifecycle.activate(job.job_id)
    now(waiting=2, active=3)
    lifecycle.fail_jobs({jobs[0].job_id: WorkError("It stumbled.")})
    lifecycle.cancel(TranscodeJob, jobs[1].job_id, "editor@studio")
    now(waiting=2, active=1, failed=1, cancelled=1)
    lifecycle.remove(TranscodeJob, [jobs[0].to_mongo()])
    now(waiting=2, active=1, cancelled=1)


def test_counts_are_true_after_a_kill_of_the_database(
    now: Callable[..., None], servers: Servers
) -> None:
    for _ in range(3):
        a_job()
    now(waiting=3)
    servers.mongo.kill()
    servers.mongo.start()
    now(waiting=3)
    a_job()
    now(waiting=4)


def test_counting_all_rows_corrects_what_mongodb_believes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tasks.listing.job_counts.SMALL", -1)
    for _ in range(3):
        a_job()
    collection = TranscodeJob._get_collection()
    real = type(collection).estimated_document_count
    monkeypatch.setattr(type(collection), "estimated_document_count", lambda self: real(self) + 7)
    assert Counter(TranscodeJob).counts() == numbers(waiting=3)
