"""Subtitles of a media as programs and pages are told of them."""

from collections.abc import Mapping
from typing import Any

from tasks import keys
from tasks.media.language import label
from tasks.models import Media, Status, Subtitle, UploadJob
from webapp.api.answers import moment


def shown(media: Media) -> list[dict[str, Any]]:
    """Each subtitle that is not deleted, the oldest first.

    ``status`` is "stored" (there is no stream yet), that of its upload job, or "completed" while a
    player can choose it; ``error`` says why that cannot be.
    """
    rows = Subtitle.objects(media_id=media.media_id, removed_at=None).order_by("created_at")
    uploads = uploads_of([row.subtitle_id for row in rows])
    return [_entry(media, row, uploads.get(row.subtitle_id)) for row in rows]


def one(media: Media, subtitle: Subtitle) -> dict[str, Any]:
    """The same of one subtitle."""
    return _entry(media, subtitle, uploads_of([subtitle.subtitle_id]).get(subtitle.subtitle_id))


def uploads_of(subtitle_ids: list[str]) -> Mapping[str, UploadJob]:
    """The latest upload job of each subtitle."""
    fields = ("job_id", "subtitle_id", "status", "error_message", "created_at")
    jobs = UploadJob.objects(subtitle_id__in=subtitle_ids).only(*fields).order_by("created_at")
    return {job.subtitle_id: job for job in jobs}


def _entry(media: Media, subtitle: Subtitle, upload: UploadJob | None) -> dict[str, Any]:
    language = subtitle.language or subtitle.given_language
    entry: dict[str, Any] = {
        "id": subtitle.subtitle_id,
        "mediaId": subtitle.media_id,
        "filename": subtitle.filename,
        "language": language,
        "label": subtitle.label or subtitle.given_label or (label(language) if language else None),
        "origin": subtitle.origin,
        "status": _status(subtitle, upload),
        "cues": subtitle.cues,
        "leftOut": list(subtitle.left_out),
        "jobId": upload.job_id if upload is not None else None,
        "createdAt": moment(subtitle.created_at),
        "createdBy": subtitle.created_by,
        "inMaster": subtitle.subtitle_id in media.master_subtitles,
    }
    if subtitle.published_at and subtitle.folder:
        entry["playlistKey"] = keys.video(media.media_id, subtitle.folder, "playlist.m3u8")
        entry["fileKey"] = keys.video(media.media_id, subtitle.folder, "subtitles.vtt")
    elif error := _error(subtitle, upload):
        entry["error"] = error
    return entry


def _status(subtitle: Subtitle, upload: UploadJob | None) -> str:
    if subtitle.published_at:
        return Status.completed.value
    if upload is None:
        return Status.failed.value if subtitle.problem else "stored"
    # What was in the stream once, and is not any more.
    lost = upload.status == Status.completed and subtitle.problem
    return Status.failed.value if lost else str(upload.status)


def _error(subtitle: Subtitle, upload: UploadJob | None) -> str | None:
    if upload is not None and upload.status in (Status.failed, Status.cancelled):
        return str(upload.error_message or subtitle.problem or "")
    return subtitle.problem
