"""The timeline: attempts of a history, how long each waited and worked, and how it ended."""

from datetime import UTC, datetime, timedelta

import pytest

from tasks.models import TranscodeJob, Transition
from webapp.pages.jobs.job_timeline import MARK, SLIVER, WIDTH, Attempt, attempts_of
from webapp.pages.jobs.job_view import history_of

BEGAN = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def attempts(*lines: tuple[float, str, str], now: float = 1000) -> list[Attempt]:
    history = [
        Transition(at=BEGAN + timedelta(seconds=at), status=status, who="ada", why=why)
        for at, status, why in lines
    ]
    job = TranscodeJob(job_id="a", media_id="a", name="Fog", history=history)
    return attempts_of(job, history_of(job), BEGAN + timedelta(seconds=now))


def test_an_attempt_waits_works_and_ends() -> None:
    (one,) = attempts((0, "waiting", ""), (4, "active", "attempt 1"), (64, "completed", ""))
    assert (one.number, one.waited, one.worked, one.end) == (1, 4.0, 60.0, "completed")
    assert one.words == "waited 4 s, worked 1 min"
    assert [line.status for line in one.lines] == ["waiting", "active", "completed"]


def test_what_goes_on_is_measured_until_now() -> None:
    (one,) = attempts((0, "waiting", ""), now=30)
    assert (one.waited, one.worked, one.end, one.end_words) == (30.0, None, "waiting", "Waits")
    (one,) = attempts((0, "waiting", ""), (10, "active", "attempt 1"), now=30)
    assert (one.waited, one.worked, one.end, one.end_words) == (10.0, 20.0, "active", "Goes on")


def test_a_retry_and_another_try_each_begin_an_attempt_with_its_own_lines() -> None:
    first, second, third = attempts(
        (0, "waiting", ""),
        (10, "active", "attempt 1"),
        (20, "waiting", "Storage did not answer."),
        (50, "active", "attempt 2"),
        (60, "failed", "Storage did not answer."),
        (65, "failed", "Cleaned up by ada."),
        (70, "waiting", "Retried by ada."),
        (71, "active", "attempt 3"),
        (171, "cancelled", "Cancelled by ada."),
    )
    assert (first.end_words, first.why) == (
        "Waits for another attempt",
        "Storage did not answer.",
    )
    assert (second.number, second.waited, second.worked, second.end) == (2, 30.0, 10.0, "failed")
    assert second.lines[-1].why == "Cleaned up by ada."
    assert (third.number, third.end, third.who) == (3, "cancelled", "ada")
    assert third.lines[0].why == "Retried by ada."
    # To scale: the longest fills the bar, and what is short is still seen.
    assert third.mark + MARK == pytest.approx(WIDTH, abs=2 * SLIVER)
    assert third.works == pytest.approx(10 * second.works, rel=0.01)
    assert third.waits >= SLIVER


def test_files_that_turn_out_to_be_missing_make_a_completed_one_fail() -> None:
    (one,) = attempts(
        (0, "waiting", ""),
        (1, "active", "attempt 1"),
        (11, "completed", ""),
        (500, "failed", "Its files are missing."),
    )
    assert (one.worked, one.end, one.why) == (10.0, "failed", "Its files are missing.")


def test_a_job_without_history_has_no_attempts() -> None:
    assert attempts() == []


def test_attempts_are_numbered_on_where_a_retry_counts_anew() -> None:
    numbers = attempts(
        (0, "waiting", ""),
        (1, "active", "attempt 3"),
        (2, "failed", "No."),
        (3, "waiting", "Retried by ada."),
        (4, "active", "attempt 1"),
        (5, "completed", ""),
    )
    assert [one.number for one in numbers] == [3, 4]
