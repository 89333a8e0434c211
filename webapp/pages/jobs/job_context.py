"""What the templates of one job are given, at the first paint and live alike."""

from collections.abc import Mapping
from typing import Any

from tasks.models import Media, Status, Title, TranscodeJob, UploadJob
from webapp import format as say
from webapp.pages import upload_view
from webapp.pages.jobs.job_list import line_of, media_of
from webapp.pages.jobs.job_view import (
    CATEGORY_HINTS,
    CATEGORY_WORDS,
    STATUS_WORDS,
    details,
    steps_of,
)
from webapp.pages.jobs.job_view import row as row_of
from webapp.pages.jobs.job_waterfall import waterfall_of
from webapp.pages.jobs.standstill import standstill_of
from webapp.playable import source_of
from webapp.title_names import titles_of
from webapp.urls import media_url


def find(job_id: str) -> TranscodeJob | None:
    """The job of an id with all its fields, or None."""
    found: TranscodeJob | None = TranscodeJob.objects(job_id=job_id).exclude("plan").first()
    return found


def context(job: TranscodeJob, *, can_edit: bool) -> dict[str, Any]:
    """Everything that a job's page and its opened row show."""
    media = media_of([job]).get(job.media_id)
    titles = titles_of([media]) if media else {}
    steps = steps_of(job.job_id)
    uploads = uploads_of(job)
    standstill = standstill_of([job, *uploads])
    row = row_of(job, media, titles, line_of([job]).get(job.job_id), standstill.of(job))
    return {
        "row": row,
        "job": job,
        "media": media,
        "details": details(row, job, steps),
        "waterfall": waterfall_of(job, steps, uploads),
        "uploads": [
            upload_view.row(upload, media, titles, standstill.of(upload)) for upload in uploads
        ],
        "links": links(job, media, titles, len(uploads)),
        "player": player(media, row.name) if media else None,
        "facts": facts(job, media),
        "category_words": CATEGORY_WORDS.get(job.failed_reason or "", "It failed"),
        "category_hint": CATEGORY_HINTS.get(job.failed_reason or "", ""),
        "status_words": STATUS_WORDS,
        "can_edit": can_edit,
    }


def upload_context(job_id: str, *, can_edit: bool) -> dict[str, Any] | None:
    """Everything that an upload's row shows, opened; None where there is no such upload."""
    upload = upload_view.find(job_id)
    if upload is None:
        return None
    media = media_of([upload]).get(upload.media_id)
    titles = titles_of([media]) if media else {}
    return {
        "row": upload_view.row(upload, media, titles, standstill_of([upload]).of(upload)),
        "details": upload_view.details(upload),
        "can_edit": can_edit,
    }


def uploads_of(job: TranscodeJob) -> list[UploadJob]:
    """A job's uploads: its renditions from the best on, then whatever is no rendition."""
    order = {rendition["name"]: place for place, rendition in enumerate(job.renditions or [])}
    uploads = UploadJob.objects(transcode_id=job.job_id).exclude("history").order_by("created_at")
    return sorted(uploads, key=lambda upload: order.get(upload.rendition, len(order)))


def player(media: Media, name: str) -> dict[str, Any] | None:
    """What the player needs, or None while there is nothing to play."""
    source = source_of(media)
    if source is None:
        return None
    return {
        "src": media_url(source.key),
        "length": "" if source.complete else f"{source.duration:.3f}",
        "poster": media_url(media.poster_key) if media.poster_key else "",
        "storyboard": media_url(media.storyboard_key) if media.storyboard_key else "",
        "name": name,
    }


def _frame_rate(rate: Mapping[str, int]) -> str:
    num, den = rate.get("num"), rate.get("den")
    return f"{round(num / den, 2):g} fps" if num and den else ""


def facts(job: TranscodeJob, media: Media | None) -> list[tuple[str, str]]:
    """What is known of the source and the job, as pairs of name and value."""
    pairs = [("File", job.filename or (media.filename if media else ""))]
    if media:
        source = media.source or {}
        video = source.get("video") or {}
        width, height = video.get("width"), video.get("height")
        picture = [
            f"{width} {say.TIMES} {height}" if width and height else "",
            str(video.get("codec") or ""),
            _frame_rate(video.get("rate") or {}),
        ]
        pairs.append(("Picture", " · ".join(word for word in picture if word)))
        pairs.append(("Length", say.clock(media.duration) if media.duration else ""))
        pairs.append(("Size", say.size(media.size)))
    pairs.append(("Asked for by", job.created_by or ""))
    pairs.append(("Attempt", str(job.attempt or "")))
    if job.status == Status.completed:
        pairs.append(("Stream", job.detail or ""))
    pairs.append(("Job id", job.job_id))
    pairs.append(("Media id", job.media_id))
    return [(name, value) for name, value in pairs if value]


def links(
    job: TranscodeJob, media: Media | None, titles: Mapping[str, Title], uploads: int
) -> list[tuple[str, str, str]]:
    """Where to go from here: (what it is, what it is called, address)."""
    found = []
    if title := titles.get(job.resource_id or ""):
        found.append(("Title", title.name, f"/jobs?resourceId={job.resource_id}"))
    if media and media.master_key:
        found.append(("Video", "In the library", f"/watch/{job.media_id}"))
    found.append(("Video", "All its jobs", f"/jobs?mediaId={job.media_id}"))
    if uploads:
        address = f"/jobs?kind=upload&transcodeId={job.job_id}"
        found.append(("Uploads", f"{uploads} of this job", address))
    return found
