"""What the pages say of an upload job: words and numbers ready to be shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.models import Kind, Media, Status, Title, TranscodeJob, UploadJob
from webapp import format as say
from webapp.pages.jobs.job_actions import actions_of
from webapp.pages.jobs.job_timeline import Attempt, attempts_of
from webapp.pages.jobs.job_view import JobRow, Segment, ended_words, history_of, retry_at
from webapp.title_names import names
from webapp.urls import media_url

TYPE_WORDS = {
    "hls": "HLS rendition",
    "master_playlist": "Master playlist",
    "subtitle": "Subtitle",
    "video": "Video",
}


@dataclass(frozen=True)
class UploadDetails:
    """What opens below an upload's row."""

    facts: list[tuple[str, str]]
    attempts: list[Attempt]
    parent: TranscodeJob | None
    error: str
    log: str


def find(job_id: str) -> UploadJob | None:
    """The upload of an id with all its fields, or None."""
    found: UploadJob | None = UploadJob.objects(job_id=job_id).first()
    return found


def what_of(upload: UploadJob) -> str:
    """What is put: ``1080p FHD``, ``Master playlist``, ``Subtitle de``."""
    if upload.rendition:
        return f"{upload.rendition} {upload.label or ''}".strip()
    word = TYPE_WORDS.get(upload.upload_type or "", "Files")
    return f"{word} {upload.language}" if upload.language else word


def row(
    upload: UploadJob, media: Media | None, titles: Mapping[str, Title], stands: str = ""
) -> JobRow:
    """What a row says; ``stands`` is what holds it up."""
    fallback = upload.resource_name or (media.filename if media else upload.filename) or ""
    name, _ = names(upload.resource_id, titles, fallback)
    what = what_of(upload)
    type_words = TYPE_WORDS.get(upload.upload_type or "", "Files")
    return JobRow(
        job=upload,
        kind=Kind.upload,
        name=f"{name} · {what}",
        title=name,
        what=what,
        poster=media_url(media.poster_key) if media and media.poster_key else None,
        playable=False,
        kind_line=_kind_line(upload, what, type_words),
        sentence=_sentence(upload, stands),
        retry_at=retry_at(upload),
        timing=_timing(upload),
        segments=[_segment(upload)],
        actions=actions_of(Kind.upload, upload, f"{name} · {what}"),
    )


def _kind_line(upload: UploadJob, what: str, type_words: str) -> str:
    # Several subtitles may have one language, or none yet: their files tell them apart.
    if upload.upload_type == "subtitle" and upload.filename:
        return f"{what} · {upload.filename}"
    return f"{what} · {type_words}" if type_words not in what else what


def _sentence(upload: UploadJob, stands: str) -> str:
    if upload.status == Status.waiting:
        if retry_at(upload):
            return upload.error_message or "Tried again soon."
        return upload.waits_for or stands or "In line"
    if upload.status == Status.active:
        words = [upload.rendition or TYPE_WORDS.get(upload.upload_type or "", "Uploading")]
        if upload.files_total:
            done, total = say.count(upload.files_done or 0), say.count(upload.files_total)
            words.append(f"{done} of {total} files")
        if upload.speed:
            words.append(f"{say.size(upload.speed)}/s")
        return " · ".join(words)
    if upload.status == Status.completed:
        files = upload.files_total or 0
        words = [f"{say.count(files)} file{'' if files == 1 else 's'}"] if files else []
        words += [say.size(upload.bytes_total)] if upload.bytes_total else []
        return " · ".join(words) or "Completed"
    if upload.status == Status.cancelled:
        return upload.error_message or "Cancelled."
    return upload.error_message or "Failed for a reason nobody wrote down."


def _timing(upload: UploadJob) -> str:
    left = (upload.bytes_total or 0) - (upload.bytes_done or 0)
    if upload.status == Status.active and upload.speed and left > 0:
        return say.left(left / upload.speed)
    if upload.status == Status.completed and upload.started_at and upload.finished_at:
        return f"took {say.duration(max((upload.finished_at - upload.started_at).seconds, 1))}"
    return ended_words(upload)


def _segment(upload: UploadJob) -> Segment:
    value = 100.0 if upload.status == Status.completed else float(upload.progress or 0)
    if upload.status == Status.failed:
        value = max(value, 2.0)
    return Segment("uploading", round(value, 1), str(upload.status), f"{value:.0f} %")


def details(upload: UploadJob) -> UploadDetails:
    """What opens below a row; ``upload`` has all its fields."""
    parent = TranscodeJob.objects(job_id=upload.transcode_id).only("job_id", "name", "status")
    return UploadDetails(
        facts=[(name, value) for name, value in _facts(upload) if value],
        attempts=attempts_of(upload, history_of(upload)),
        parent=parent.first(),
        error=upload.error_message or "",
        log=upload.error_log or "",
    )


def _facts(upload: UploadJob) -> list[tuple[str, Any]]:
    total = upload.files_total
    return [
        ("File", upload.filename),
        ("Files", f"{upload.files_done or 0:,} of {total:,}" if total else ""),
        ("Bytes", _of_bytes(upload)),
        ("Speed", f"{say.size(upload.speed)}/s" if upload.speed else ""),
        ("Now", upload.current_file if upload.status == Status.active else ""),
        ("Why it waits", upload.waits_for),
        ("Goes to", f"{upload.bucket_name}/{upload.upload_path}" if upload.upload_path else ""),
        ("Comes from", upload.hls_dir),
        ("Playlist", upload.master_playlist_path),
        ("Subtitle", upload.subtitle_path),
        ("Queue", upload.queue_name),
        ("Client id", upload.client_id),
        ("Attempt", str(upload.attempt) if upload.attempt else ""),
        ("Upload id", upload.job_id),
    ]


def _of_bytes(upload: UploadJob) -> str:
    if not upload.bytes_total:
        return ""
    if upload.status == Status.completed:
        return say.size(upload.bytes_total)
    return f"{say.size(upload.bytes_done or 0)} of {say.size(upload.bytes_total)}"
