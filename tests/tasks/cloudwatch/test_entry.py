"""Lines as they are logged, and batches that PutLogEvents takes."""

import json

import pytest

from tasks.cloudwatch.entry import EVENT_BYTES, MAX_BYTES, MAX_SPAN_MS, Entry, batches

MORNING = 1_704_067_350_000  # 2024-01-01T00:02:30Z


def test_an_entry_is_logged_as_its_readers_know_it() -> None:
    entry = Entry("uuid", "Converting to 720p", 55, MORNING)
    assert json.loads(entry.text()) == {
        "videoId": "uuid",
        "message": "Converting to 720p",
        "progress": 55,
        "timestamp": "2024-01-01T00:02:30.000Z",
    }
    assert entry.stream == "video-uuid"


def test_a_long_message_is_cut() -> None:
    assert len(Entry("uuid", "é" * 100_000, 0, MORNING).text()) < 3_000


def entries(count: int, message: str = "x", apart_ms: int = 1) -> list[Entry]:
    return [Entry("uuid", message, 0, MORNING + n * apart_ms) for n in range(count)]


def test_a_batch_has_no_more_events_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    # So many of our entries have more bytes than allowed, and the real limit is never met.
    monkeypatch.setattr("tasks.cloudwatch.entry.MAX_EVENTS", 3)
    assert [len(batch) for batch in batches(entries(7))] == [3, 3, 1]


def test_a_batch_has_no_more_bytes_than_allowed() -> None:
    made = list(batches(entries(1_500, "é" * 1_000)))
    sizes = [sum(len(e.text().encode()) + EVENT_BYTES for e in batch) for batch in made]
    assert len(made) > 2
    assert max(sizes) <= MAX_BYTES
    assert max(sizes) > MAX_BYTES - 5_000
    assert [entry for batch in made for entry in batch] == entries(1_500, "é" * 1_000)


def test_a_batch_spans_less_than_a_day_and_is_in_order() -> None:
    hours = entries(30, apart_ms=3_600_000)
    made = list(batches(hours[::-1]))
    assert [entry for batch in made for entry in batch] == hours
    assert all(batch[-1].at_ms - batch[0].at_ms < MAX_SPAN_MS for batch in made)
    assert len(made) == 2


def test_nothing_is_no_batch() -> None:
    assert list(batches([])) == []
