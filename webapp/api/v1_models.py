"""Requests and answers of ``/api/upload/v1``, and its names of a job's states."""

from enum import StrEnum

from pydantic import Field

from tasks.models import Status
from webapp.api.answers import Answer
from webapp.api.playable_answer import Playable


class V1State(StrEnum):
    """Where a job stands, in the words of this API."""

    queued = "queued"
    processing = "processing"
    completed = "completed"
    failed = "failed"


_STATES = {
    Status.waiting: V1State.queued,
    Status.active: V1State.processing,
    Status.completed: V1State.completed,
    Status.failed: V1State.failed,
    # There is no word for it here, and it is true that there will be no stream unless somebody has
    # it tried again, which is what may be done with what failed. ``error`` tells the difference.
    Status.cancelled: V1State.failed,
}


def state_of(status: Status) -> V1State:
    """A job's status in the words of this API."""
    return _STATES[status]


class Queued(Answer):
    """The job that will encode the video, and where to ask how far it is."""

    message: str
    job_id: str
    video_id: str
    check_status: str


class Retried(Answer):
    """The job, which waits again."""

    message: str
    job_id: str
    status: V1State
    check_status: str


class JobState(Answer):
    """How far a job is; ``hlsStreamUrl`` comes with ``completed``, ``error`` with ``failed``,
    ``playable`` as soon as there is something of its video to play."""

    job_id: str
    status: V1State
    progress: int = Field(ge=0, le=100)
    hls_stream_url: str = ""
    playable: Playable | None = None
    error: str = ""
