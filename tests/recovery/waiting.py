"""Waits for what can be seen to happen, and reads from rows what did."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import requests

from tasks.models import Status, Step, StepKind, TranscodeJob, Transition, UploadJob

Found = TypeVar("Found")

_POLL_SECONDS = 0.05


def until(find: Callable[[], Found | None], what: str, seconds: float = 60.0) -> Found:
    """The first true answer of ``find``. Raises AssertionError after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        found = find()
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(_POLL_SECONDS)


def answers(url: str) -> bool:
    """Whether it is answered well now; False also where nothing comes within a few seconds."""
    try:
        return requests.get(url, timeout=10).ok
    except requests.RequestException:
        return False


def steps(job: TranscodeJob, kind: StepKind = StepKind.CHUNK) -> list[Step]:
    """A job's steps of a kind, in order, as they are now."""
    return list(Step.objects(transcode_id=job.job_id, kind=kind.value).order_by("index"))


def encoding_chunk(job: TranscodeJob, seconds: float = 60.0) -> Step:
    """A chunk of the job that is in the middle of being encoded."""
    return encoding_chunks(job, 1, seconds)[0]


def encoding_chunks(job: TranscodeJob, count: int, seconds: float = 60.0) -> list[Step]:
    """So many chunks of the job, all of them in the middle of being encoded."""

    def find() -> list[Step]:
        busy = [s for s in steps(job) if s.status == Status.active and 0 < s.frames_done < s.frames]
        return busy if len(busy) >= count else []

    return until(find, f"{count} chunks that are being encoded", seconds)


def reload(job: TranscodeJob) -> TranscodeJob:
    """The job's row as it is now."""
    found: TranscodeJob = TranscodeJob.objects(job_id=job.job_id).get()
    return found


def finish(job: TranscodeJob, seconds: float = 120.0) -> TranscodeJob:
    """The job's row when nothing more happens to it by itself."""

    def ended() -> TranscodeJob | None:
        now = reload(job)
        return now if now.finished else None

    return until(ended, "the end of the job", seconds)


def complete(job: TranscodeJob, seconds: float = 120.0) -> TranscodeJob:
    """The job's row when it is completed. Raises AssertionError where it ends otherwise."""
    ended = finish(job, seconds)
    assert ended.status == Status.completed, (ended.status, ended.error_message)
    return ended


def claims(unit: Step | UploadJob, after: datetime | None = None) -> list[Transition]:
    """The times a worker took a step or an upload, as its history tells, all or those after a
    moment."""
    history = type(unit).objects(job_id=unit.job_id).get().history
    return [
        line
        for line in history
        if line.status == Status.active and (after is None or line.at > after)
    ]


def claim_after(step: Step, moment: datetime, seconds: float = 40.0) -> Transition:
    """The first claim of the step after a moment."""
    return until(lambda: claims(step, moment), f"{step.job_id} taken again", seconds)[0]


def this_moment() -> datetime:
    """Now, as histories tell it."""
    return datetime.now(UTC)
