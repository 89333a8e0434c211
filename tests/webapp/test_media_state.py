"""A media in four words: the table of `webapp.media_state`, row by row, and what never is."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.models import Media, Status, TranscodeJob
from webapp.media_state import MediaStatus, state_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def a_media(playable: bool = False) -> Media:
    return Media(
        media_id="m", filename="film.mp4", master_key="hls/m/master.m3u8" if playable else None
    )


def a_job(status: str, age: float = 0, progress: float = 40.7, **fields: object) -> TranscodeJob:
    created = NOW - timedelta(seconds=age)
    return TranscodeJob(
        job_id=f"{status} {age} {progress}",
        media_id="m",
        status=status,
        progress=progress,
        created_at=created,
        **fields,
    )


@pytest.mark.parametrize(
    ("playable", "jobs", "status", "progress"),
    [
        (False, [], "UPLOADED", 0),
        (False, [a_job("waiting", progress=0)], "PROCESSING", 0),
        (False, [a_job("active")], "PROCESSING", 40),
        (False, [a_job("active", progress=100)], "PROCESSING", 99),
        (True, [a_job("completed")], "READY", 100),
        (False, [a_job("completed", progress=100)], "UPLOADED", 0),
        (False, [a_job("failed")], "FAILED", 40),
        (False, [a_job("cancelled")], "FAILED", 40),
        (True, [a_job("failed")], "READY", 100),
        (True, [a_job("active"), a_job("completed", 9)], "PROCESSING", 40),
        (False, [a_job("failed", 9), a_job("waiting", progress=0)], "PROCESSING", 0),
        (False, [a_job("completed", 9), a_job("failed")], "FAILED", 40),
        (True, [], "READY", 100),
    ],
)
def test_the_table(playable: bool, jobs: list[TranscodeJob], status: str, progress: int) -> None:
    state = state_of(a_media(playable), jobs)
    assert (state.status, state.progress) == (status, progress)
    newest = min(jobs, key=lambda job: NOW - job.created_at, default=None)
    assert state.job_id == (newest.job_id if newest else None)
    assert state.job_state == (newest.status if newest else None)
    assert state.playable == playable
    assert (state.error is not None) == (status == "FAILED")


def test_why_there_is_nothing_to_see() -> None:
    failed = a_job("failed", error_message="The source has no picture.")
    assert state_of(a_media(), [failed]).error == "The source has no picture."
    cancelled = a_job("cancelled", error_message="Cancelled by ada.")
    assert state_of(a_media(), [cancelled]).error == "Cancelled by ada."
    assert state_of(a_media(), [a_job("cancelled")]).error == "Cancelled."
    assert state_of(a_media(), [a_job("failed")]).error == "The video could not be encoded."


@given(
    playable=st.booleans(),
    jobs=st.lists(
        st.builds(
            a_job,
            st.sampled_from([status.value for status in Status]),
            st.floats(0, 100),
            st.floats(0, 100),
        ),
        max_size=4,
    ),
)
def test_what_always_holds(playable: bool, jobs: list[TranscodeJob]) -> None:
    state = state_of(a_media(playable), jobs)
    assert (state.progress == 100) == (state.status is MediaStatus.READY)
    assert state.status is not MediaStatus.READY or playable
    assert state.over == (state.status in ("READY", "FAILED"))
    assert state == state_of(a_media(playable), jobs[::-1])
