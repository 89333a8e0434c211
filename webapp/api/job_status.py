"""A video's state in the words of ``/api/upload``: uploaded, processing, completed, failed."""

from typing import Any

from tasks.models import Media, Status, TranscodeJob
from webapp.api.answers import moment
from webapp.urls import streaming_urls

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


def word(job: TranscodeJob | None) -> str:
    """The state of a video whose latest job this is."""
    if job is None:
        return "uploaded"
    if job.status in (Status.waiting, Status.active):
        return "processing"
    return "completed" if job.status == Status.completed else "failed"


def summary(media_id: str, job: TranscodeJob | None) -> dict[str, Any]:
    """``{videoId, status, progress, startTime, endTime?, error?}``; times only where known."""
    status = word(job)
    entry: dict[str, Any] = {"videoId": media_id, "status": status, "progress": progress(job)}
    if job is not None:
        entry["startTime"] = moment(job.started_at or job.created_at)
        if status != "processing" and job.finished_at is not None:
            entry["endTime"] = moment(job.finished_at)
    if status == "failed":
        entry["error"] = error(job)
    return entry


def details(media: Media, job: TranscodeJob | None) -> dict[str, Any]:
    """The summary, with ``streamingUrls`` of a completed video."""
    entry = summary(media.media_id, job)
    if entry["status"] == "completed":
        entry["streamingUrls"] = streaming_urls(media)
    return entry


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
