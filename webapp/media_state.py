"""A media's state in four words, from its row and its jobs: for embedding, and for the pages.

======================================  ==========  =====================================
what there is                           status      job
======================================  ==========  =====================================
no job                                  UPLOADED    none
the newest job waits or is active       PROCESSING  the newest
no such job, and a complete stream      READY       the newest, however it ended
no stream, the newest failed            FAILED      the newest
no stream, the newest was cancelled     FAILED      the newest; the error says "Cancelled"
no stream, the newest was completed     UPLOADED    the newest: its outputs were deleted
======================================  ==========  =====================================

A stream that can be watched goes before a later job that failed: READY says what the media is, and
``job_state`` says what became of the last try. Of several jobs the newest counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from tasks.models import FINISHED, Media, Status, TranscodeJob
from tasks.models.clock import aware

#: What this module reads of a job.
FIELDS = (
    "job_id",
    "media_id",
    "status",
    "progress",
    "error_message",
    "cancelled_at",
    "created_at",
)


class MediaStatus(StrEnum):
    """Where a media stands."""

    UPLOADED = "UPLOADED"
    PROCESSING = "PROCESSING"
    READY = "READY"
    FAILED = "FAILED"


@dataclass(frozen=True)
class MediaState:
    """``progress`` in whole percent, 100 of what is ready only; ``error`` is a sentence.

    ``playable``: there is a complete stream, which may be an earlier job's while one works on it.
    """

    media_id: str
    status: MediaStatus
    file_name: str
    job_id: str | None
    job_state: str | None
    progress: int
    playable: bool
    error: str | None

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it until somebody asks for it."""
        return self.status in (MediaStatus.READY, MediaStatus.FAILED)


def state_of(media: Media, jobs: Iterable[TranscodeJob]) -> MediaState:
    """The state of a media; ``jobs`` are its jobs, or any that include the newest."""
    job = max(jobs, key=_age, default=None)
    playable = bool(media.master_key)
    status = _status(playable, job)
    return MediaState(
        media_id=media.media_id,
        status=status,
        file_name=media.filename,
        job_id=job.job_id if job else None,
        job_state=str(job.status) if job else None,
        progress=_progress(status, job),
        playable=playable,
        error=_error(job) if status is MediaStatus.FAILED else None,
    )


def _age(job: TranscodeJob) -> tuple[datetime, str]:
    at: datetime | None = job.created_at
    if at is None:
        return datetime.min.replace(tzinfo=UTC), job.job_id
    return aware(at), job.job_id


def _status(playable: bool, job: TranscodeJob | None) -> MediaStatus:
    if job is not None and job.status not in FINISHED:
        return MediaStatus.PROCESSING
    if playable:
        return MediaStatus.READY
    if job is None or job.status == Status.completed:
        return MediaStatus.UPLOADED
    return MediaStatus.FAILED


def _progress(status: MediaStatus, job: TranscodeJob | None) -> int:
    if status is MediaStatus.READY:
        return 100
    if status is MediaStatus.UPLOADED or job is None:
        return 0
    return min(99, int(job.progress or 0))


def _error(job: TranscodeJob | None) -> str:
    if job is None:
        return "The video could not be encoded."
    if job.status == Status.cancelled:
        return job.error_message or "Cancelled."
    return job.error_message or "The video could not be encoded."
