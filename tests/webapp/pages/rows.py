"""Rows as pages meet them, in any state, written straight: nothing here runs."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from tasks.listing.search_terms import words
from tasks.models import Media, Status, TranscodeJob, Transition, UploadJob

NOW = datetime.now(UTC)


def media(**fields: Any) -> Media:
    """A media; ``playable=True`` gives it a stream of two rungs and a poster."""
    media_id = str(uuid.uuid4())
    if fields.pop("playable", False):
        fields |= {
            "master_key": f"hls/{media_id}/master.m3u8",
            "poster_key": f"hls/{media_id}/poster.jpg",
            "storyboard_key": f"hls/{media_id}/storyboard.vtt",
            "renditions": {"720p": "k", "360p": "k", "audio": "k"},
            "published_at": fields.get("published_at", NOW),
        }
    values: dict[str, Any] = {
        "media_id": media_id,
        "filename": "film.mp4",
        "source_key": f"sources/{media_id}/film.mp4",
        "size": 1_000_000,
        "duration": 61.0,
        "created_at": NOW,
        **fields,
    }
    saved: Media = Media(**values).save()
    return saved


def job(
    status: str = "waiting", *, age: float = 0, of: Media | None = None, **f: Any
) -> TranscodeJob:
    """A job created ``age`` seconds ago, of a media of its own where none is given."""
    source = of or media(filename=f.get("filename", "film.mp4"))
    created = NOW - timedelta(seconds=age)
    values: dict[str, Any] = {
        "job_id": str(uuid.uuid4()),
        "media_id": source.media_id,
        "name": source.filename,
        "filename": source.filename,
        "status": status,
        "created_at": created,
        "updated_at": created,
        "attempt": 1,
        "terms": words(source.filename, f.get("name"), f.get("filename")),
        "history": [Transition(at=created, status="waiting", who="ada@example.com", why="Asked.")],
        **f,
    }
    if status != Status.waiting:
        values.setdefault("started_at", created)
    if status in (Status.completed, Status.failed, Status.cancelled):
        values.setdefault("finished_at", created + timedelta(seconds=192))
    saved: TranscodeJob = TranscodeJob(**values).save()
    return saved


def upload(
    status: str = "waiting",
    *,
    age: float = 0,
    rendition: str | None = "1080p",
    of: TranscodeJob | None = None,
    **f: Any,
) -> UploadJob:
    """An upload created ``age`` seconds ago, of a completed job of its own where none is given."""
    parent = of or job("completed", age=age + 1, **({"name": f.pop("name")} if "name" in f else {}))
    created = NOW - timedelta(seconds=age)
    suffix = rendition or f.get("upload_type", "master")
    values: dict[str, Any] = {
        "job_id": f"{parent.job_id}.upload.{suffix}",
        "transcode_id": parent.job_id,
        "media_id": parent.media_id,
        "job_type": "upload-hls-to-s3",
        "queue_name": "upload-hls-to-s3",
        "upload_type": "hls",
        "content_type": "video",
        "rendition": rendition,
        "label": "FHD",
        "filename": f"{suffix}/playlist.m3u8",
        "resource_name": parent.name,
        "bucket_name": "dailies",
        "upload_path": f"hls/{parent.media_id}/{suffix}/",
        "status": status,
        "created_at": created,
        "updated_at": created,
        "attempt": 1,
        "terms": parent.terms,
        "history": [Transition(at=created, status="waiting", who="dailies", why="Files are due.")],
        **f,
    }
    if status != Status.waiting:
        values.setdefault("started_at", created)
    if status in (Status.completed, Status.failed, Status.cancelled):
        values.setdefault("finished_at", created + timedelta(seconds=12))
    saved: UploadJob = UploadJob(**values).save()
    return saved
