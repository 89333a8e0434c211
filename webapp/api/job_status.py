"""A video's state in the words of ``/api/upload``: uploaded, processing, completed, failed."""

from typing import Literal, TypeVar

from pydantic import Field

from tasks.models import Media, Status, TranscodeJob
from webapp.api.answers import Answer, At, moment
from webapp.api.playable_answer import Playable, playable_of
from webapp.urls import streaming_urls

Word = Literal["uploaded", "processing", "completed", "failed"]


class VideoState(Answer):
    """How far a video is. ``endTime`` comes with the end, ``error`` with `failed`."""

    video_id: str
    status: Word
    progress: int = Field(ge=0, le=100, description="Percent; 100 is said of what is completed.")
    start_time: At | None = None
    end_time: At | None = None
    error: str = ""


class StreamingUrls(Answer):
    """Where players find the stream: all of it, and each quality by its name."""

    master: str
    qualities: dict[str, str]


class VideoDetails(VideoState):
    """How far a video is, with ``streamingUrls`` once it is completed, and ``playable`` as soon as
    there is something to play."""

    streaming_urls: StreamingUrls | None = None
    playable: Playable | None = None


State = TypeVar("State", bound=VideoState)

#: What this module reads of a job.
FIELDS = (
    "media_id",
    "status",
    "progress",
    "error_message",
    "cancelled_at",
    "created_at",
    "started_at",
    "finished_at",
)


def word(job: TranscodeJob | None) -> Word:
    """The state of a video whose latest job this is."""
    if job is None:
        return "uploaded"
    if job.status in (Status.waiting, Status.active):
        return "processing"
    return "completed" if job.status == Status.completed else "failed"


def summary(media_id: str, job: TranscodeJob | None) -> VideoState:
    """How far a video is; times only where they are known."""
    return _fill(VideoState(video_id=media_id, status=word(job), progress=progress(job)), job)


def details(media: Media, job: TranscodeJob | None) -> VideoDetails:
    """The same, with where to play it."""
    state = VideoDetails(video_id=media.media_id, status=word(job), progress=progress(job))
    if state.status == "completed":
        state.streaming_urls = StreamingUrls.model_validate(streaming_urls(media))
    if (playable := playable_of(media)) is not None:
        state.playable = playable
    return _fill(state, job)


def _fill(state: State, job: TranscodeJob | None) -> State:
    # What is not set here is left out of the answer.
    if job is not None:
        state.start_time = job.started_at or job.created_at
        if state.status != "processing" and job.finished_at is not None:
            state.end_time = job.finished_at
    if state.status == "failed":
        state.error = error(job)
    return state


def progress(job: TranscodeJob | None) -> int:
    """Whole percent, rounded down: 100 is said of what is completed only."""
    if job is None:
        return 0
    if job.status == Status.completed:
        return 100
    return min(99, int(job.progress or 0))


def error(job: TranscodeJob | None) -> str:
    """Why there is no stream, in a sentence."""
    if job is not None and job.status == Status.cancelled:
        at = job.cancelled_at or job.finished_at
        return f"Cancelled at {moment(at)}." if at else "Cancelled."
    return (job.error_message if job is not None else None) or "The video could not be encoded."
