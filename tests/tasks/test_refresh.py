"""A job's row shows the sum of its parts, and keeps what others write into it meanwhile."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tasks.jobs import lifecycle, progress
from tasks.models import StepKind, TranscodeJob
from tests.tasks.rows import a_job, a_step, claimed

pytestmark = pytest.mark.usefixtures("database")

PLANNED = {"renditions": [{"name": "720p", "label": "HD", "size": 0}], "chunks_total": 3}


def reread(job: TranscodeJob) -> TranscodeJob:
    return lifecycle.find(TranscodeJob, job.job_id)


def test_a_plan_written_while_the_sum_is_made_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    job = a_job()
    a_step(job, StepKind.SPLIT)
    summarise = progress.summarise

    def with_the_plan_in_between(*rows: Any) -> Mapping[str, Any]:
        lifecycle.update_job(job.job_id, PLANNED)
        return summarise(*rows)

    monkeypatch.setattr(progress, "summarise", with_the_plan_in_between)
    progress.refresh(job.job_id)
    assert [dict(rendition) for rendition in reread(job).renditions] == PLANNED["renditions"]
    assert reread(job).chunks_total == 3


def test_bitrates_written_while_the_sum_is_made_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    job = a_job()
    _complete_chunk(job, 0)
    lifecycle.update_job(job.job_id, PLANNED)
    summarise = progress.summarise

    def with_the_bitrates_in_between(*rows: Any) -> Mapping[str, Any]:
        measured = [{**PLANNED["renditions"][0], "bandwidth": 5000}]  # type: ignore[index]
        lifecycle.update_job(job.job_id, {"renditions": measured})
        return summarise(*rows)

    monkeypatch.setattr(progress, "summarise", with_the_bitrates_in_between)
    progress.refresh(job.job_id)
    (rendition,) = reread(job).renditions
    assert (rendition["bandwidth"], rendition["size"]) == (5000, 1000)


def test_sizes_of_completed_chunks_add_up_by_rendition() -> None:
    job = a_job()
    two: Sequence[dict[str, Any]] = [{"name": "720p"}, {"name": "360p"}]
    lifecycle.update_job(job.job_id, {"renditions": two})
    for index in range(2):
        _complete_chunk(job, index)
    progress.refresh(job.job_id)
    rows = {row["name"]: (row["segments_done"], row["size"]) for row in reread(job).renditions}
    assert rows == {"720p": (8, 2000), "360p": (0, 0)}
    assert reread(job).chunks_total == 2


def _complete_chunk(job: TranscodeJob, index: int) -> None:
    chunk = claimed(a_step(job, StepKind.CHUNK, index))
    result = {"sizes": {"720p": {"segments": 4, "size": 1000}}}
    assert lifecycle.complete(chunk, {"result": result}) is not None
