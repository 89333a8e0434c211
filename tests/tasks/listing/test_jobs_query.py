"""Filters, order and paging of jobs."""

from datetime import UTC, datetime, timedelta

import pytest

from tasks.errors import WorkError
from tasks.jobs import lifecycle
from tasks.listing.cursor import BadCursor
from tasks.listing.job_counts import counts
from tasks.listing.job_filter import JobFilter, filter_of, from_query, words_of
from tasks.listing.jobs_query import SortOrder, find
from tasks.listing.search_terms import words
from tasks.listing.totals import count
from tasks.models import Status, TranscodeJob
from tests.tasks.rows import a_job, written

pytestmark = pytest.mark.usefixtures("database")

START = datetime(2026, 1, 1, tzinfo=UTC)


def made(number: int, **fields: object) -> str:
    """A job made ``number`` hours after the start; jobs of one hour tie."""
    job = a_job(**fields)
    written(job, created_at=START + timedelta(hours=number))
    return str(job.job_id)


@pytest.mark.parametrize("order", list(SortOrder))
def test_pages_show_every_row_once_in_order_and_lead_back(order: SortOrder) -> None:
    # Ties in time, and rows without a finishing time.
    for number in range(23):
        made(number // 5, terms=["a"])
    failed = TranscodeJob.objects.first().job_id
    lifecycle.activate(failed)
    assert lifecycle.fail_jobs({failed: WorkError("It stumbled.")})
    whole = [job.job_id for job in find(TranscodeJob, JobFilter(), order=order, limit=100).rows]
    seen: list[str] = []
    befores: list[str | None] = []
    after = None
    while True:
        page = find(TranscodeJob, JobFilter(), order=order, limit=4, after=after)
        seen += [job.job_id for job in page.rows]
        befores.append(page.before)
        after = page.after
        if after is None:
            break
    assert seen == whole
    assert len(set(seen)) == 23
    back = find(TranscodeJob, JobFilter(), order=order, limit=4, before=befores[1])
    assert [job.job_id for job in back.rows] == whole[:4]
    assert back.before is None


def test_a_row_that_comes_meanwhile_does_not_shift_the_next_page() -> None:
    first = [made(number) for number in range(4)]
    page = find(TranscodeJob, JobFilter(), limit=2)
    made(99)
    following = find(TranscodeJob, JobFilter(), limit=2, after=page.after)
    assert [job.job_id for job in following.rows] == [first[1], first[0]]


@pytest.mark.parametrize(
    "cursor", ["x", "bm90aGluZw", "W251bGwsMV0", "W3sibXMiOjFlOTl9LCJhIl0", "W251bGwsIngiXQ"]
)
def test_a_place_that_no_page_named_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        find(TranscodeJob, JobFilter(), after=cursor)


def test_a_place_of_another_order_is_refused() -> None:
    for number in range(3):
        made(number)
    by_name = find(TranscodeJob, JobFilter(), order=SortOrder.name, limit=2).after
    with pytest.raises(BadCursor):
        find(TranscodeJob, JobFilter(), order=SortOrder.newest, limit=2, after=by_name)


def test_a_search_is_by_beginnings_of_words_folded_and_by_ids() -> None:
    wanted = made(1, terms=words("Über_den-Wolken v2.MOV", "Café Noir"))
    made(2, terms=words("Something else"))
    for text in ("uber", "ÜBER wolk", "cafe", "mov noir", wanted[:13]):
        found = find(TranscodeJob, JobFilter(search=text)).rows
        assert [job.job_id for job in found] == [wanted], text
    for text in ("ber", "cafe else", ".*", "$"):
        assert find(TranscodeJob, JobFilter(search=text)).rows == [], text


def test_filters_narrow_and_combine() -> None:
    film = made(1, resource_type="film", renditions=[{"name": "1080p", "label": "FHD"}])
    episode = made(2, resource_type="episode", renditions=[{"name": "480p", "label": "SD"}])
    lifecycle.cancel(TranscodeJob, film, "editor@studio")

    def ids(**chosen: object) -> list[str]:
        return [job.job_id for job in find(TranscodeJob, JobFilter(**chosen)).rows]  # type: ignore[arg-type]

    assert ids(status=Status.cancelled) == [film]
    assert ids(statuses=(Status.waiting, Status.failed)) == [episode]
    assert ids(resource_type="episode") == [episode]
    assert ids(label="FHD") == [film]
    assert ids(since=START + timedelta(hours=2)) == [episode]
    assert ids(until=START + timedelta(hours=2)) == [film]
    assert ids(status=Status.cancelled, resource_type="episode") == []
    assert count(TranscodeJob, JobFilter(resource_type="film")) == 1
    assert counts(TranscodeJob) == {
        "total": 2,
        "waiting": 1,
        "active": 0,
        "completed": 0,
        "failed": 0,
        "cancelled": 1,
    }


def test_a_filter_survives_being_written_down() -> None:
    chosen = JobFilter(
        statuses=(Status.failed, Status.cancelled),
        resource_type="film",
        label="HD",
        media_id="m",
        transcode_id="t",
        since=START,
        search="big buck",
    )
    assert filter_of(words_of(chosen)) == chosen


def test_what_an_address_says_wrong_is_left_out() -> None:
    odd = {"status": "odd", "type": "opera", "label": "8K", "from": "9999-12-31T23:59:59-12:00"}
    assert from_query(odd) == JobFilter()
