"""What of a job ran when, as lanes to one scale."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tasks.models import Step, TranscodeJob, UploadJob
from webapp.pages.jobs.job_waterfall import GAP, TRACK, WIDTH, waterfall_of

START = datetime(2026, 11, 20, 10, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def step(kind: str, status: str, begin: float, end: float | None = None, **f: Any) -> Step:
    finished = None if end is None else at(end)
    return Step(kind=kind, status=status, started_at=at(begin), finished_at=finished, **f)


def test_before_any_work_there_is_no_lane() -> None:
    assert waterfall_of(TranscodeJob(status="waiting"), [], []).lanes == []


def test_lanes_are_to_one_scale_and_what_ran_together_lies_in_tracks() -> None:
    job = TranscodeJob(status="active", started_at=at(0), chunks_total=4)
    steps = [
        step("chunk", "completed", 10, 60, index=0),
        step("chunk", "active", 20, index=1, attempt=2),
        step("chunk", "active", 60, index=2),
        step("split", "completed", 0, 10),
    ]
    found = waterfall_of(job, steps, [], now=at(100))
    assert found.ticks == ["0 s", "50 s", "1 min 40 s"]
    split, chunks = found.lanes
    assert (split.name, split.word, split.took) == ("Split", "Completed", "10 s")
    assert [(s.x, s.width) for s in split.stretches] == [(0, 99)]
    assert (chunks.name, chunks.status, chunks.word, chunks.took) == (
        *("Chunks", "active", "1 of 4"),
        "1 min 30 s",
    )
    assert [(s.x, s.y, s.status) for s in chunks.stretches] == [
        (100, 0, "completed"),
        (200, TRACK + GAP, "active"),
        (600, 0, "active"),
    ]
    assert chunks.height == 2 * TRACK + GAP
    assert chunks.stretches[1].title == "Chunk 2: active, 1 min 20 s, attempt 2"


def test_what_was_kept_of_an_earlier_attempt_or_came_later_is_not_drawn() -> None:
    job = TranscodeJob(status="completed", started_at=at(1000), finished_at=at(1100))
    kept = step("split", "completed", 0, 10)
    uploads = [
        UploadJob(status="failed", started_at=at(1090), finished_at=at(1100), error_message="No."),
        UploadJob(status="completed", started_at=at(5000), finished_at=at(5001)),
    ]
    split, upload = waterfall_of(job, [kept], uploads).lanes
    assert (list(split.stretches), split.took, split.word) == ([], "", "Completed")
    assert [(s.x, s.width) for s in upload.stretches] == [(900, 99)]
    assert (upload.status, upload.notes) == ("failed", ["No."])


def test_the_shortest_stretch_can_be_seen_and_lies_inside() -> None:
    job = TranscodeJob(status="completed", started_at=at(0), finished_at=at(100_000))
    (lane,) = waterfall_of(job, [step("merge", "completed", 100_000, 100_000)], []).lanes
    (stretch,) = lane.stretches
    assert stretch.width > 0
    assert stretch.x + stretch.width <= WIDTH
