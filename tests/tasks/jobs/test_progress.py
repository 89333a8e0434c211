"""The sum of a job's parts."""

from typing import Any

import pytest

from tasks.jobs.progress import WEIGHTS, summarise

JOB = {
    "duration": 100.0,
    "chunks_total": 4,
    "renditions": [{"name": "720p", "segments": 17}, {"name": "audio", "segments": 17}],
}


def step(kind: str, status: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "status": status, "progress": 0.0, "frames": 0, "result": {}, **fields}


def chunk(status: str, done: int = 0, **fields: Any) -> dict[str, Any]:
    return step("chunk", status, frames=100, frames_done=done, **fields)


SPLIT = step("split", "completed")
DONE_CHUNK = chunk("completed", 100, result={"sizes": {"720p": {"segments": 4, "size": 1000}}})


def test_the_weights_of_the_phases_fill_the_bar() -> None:
    assert sum(WEIGHTS.values()) == 100


def test_a_job_with_nothing_done_is_at_zero() -> None:
    fields = summarise(JOB, [], [])
    assert fields["progress"] == 0
    assert set(fields["phases"].values()) == {0.0}
    assert (fields["speed"], fields["eta_seconds"]) == (None, None)


def test_chunks_count_by_their_frames() -> None:
    long = {**chunk("active", 150), "frames": 300}
    fields = summarise(JOB, [SPLIT, chunk("completed"), long], [])
    assert fields["phases"]["transcoding"] == pytest.approx(100 * (100 + 150) / 400)
    assert (fields["chunks_done"], fields["chunks_total"]) == (1, 2)


def test_before_the_chunks_are_rows_their_number_is_the_plans() -> None:
    assert summarise(JOB, [SPLIT], [])["chunks_total"] == 4


def test_speed_is_that_of_all_workers_together_and_gives_the_time_left() -> None:
    steps = [SPLIT, chunk("active", 50, speed=1.5), chunk("active", 50, speed=0.5)]
    fields = summarise(JOB, steps, [])
    assert fields["speed"] == 2.0
    # Half of 100 s at twice real time, and what merging and uploading usually take on top.
    tail = (WEIGHTS["merging"] + WEIGHTS["uploading"]) / WEIGHTS["transcoding"] * 50  # type: ignore[index]
    assert fields["eta_seconds"] == pytest.approx(25 + tail, abs=0.1)


def test_a_speed_left_over_from_a_finished_chunk_does_not_count() -> None:
    assert summarise(JOB, [SPLIT, chunk("waiting", 50, speed=1.5)], [])["speed"] is None


def test_without_pictures_the_sound_is_the_transcoding() -> None:
    audio = step("audio", "active", frames=1000, frames_done=250)
    assert summarise(JOB, [SPLIT, audio], [])["phases"]["transcoding"] == 25.0


def test_renditions_show_what_their_finished_chunks_came_to() -> None:
    fields = summarise(JOB, [SPLIT, DONE_CHUNK, DONE_CHUNK, chunk("active")], [])
    assert fields["renditions"][0] == {
        "name": "720p",
        "segments": 17,
        "segments_done": 8,
        "size": 2000,
    }
    assert fields["renditions"][1]["segments_done"] == 0


def test_uploads_count_by_their_bytes_and_are_not_done_before_the_master() -> None:
    big = {"status": "completed", "progress": 100, "bytes_total": 900, "upload_type": "hls"}
    small = {**big, "status": "active", "progress": 50, "bytes_total": 100, "rendition": "360p"}
    small |= {"files_done": 3, "files_total": 1214}
    fields = summarise(JOB, [SPLIT], [big, small])
    assert fields["phases"]["uploading"] == pytest.approx(0.95 * 95)
    assert fields["detail"] == "360p · 3 of 1,214 files"
    master = {**big, "upload_type": "master_playlist", "bytes_total": 1}
    assert summarise(JOB, [SPLIT], [big, master])["phases"]["uploading"] == 100.0


def test_an_unfinished_job_never_shows_a_full_bar() -> None:
    steps = [SPLIT, DONE_CHUNK, step("merge", "completed")]
    uploads = [{"status": "completed", "bytes_total": 1, "upload_type": "master_playlist"}]
    assert summarise(JOB, steps, uploads)["progress"] < 100
