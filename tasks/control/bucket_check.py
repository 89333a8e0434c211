"""Holds finished rows against what is really in the bucket, and says the truth in them."""

from collections.abc import Mapping

from tasks.errors import StorageFailed
from tasks.infra.storage import ObjectInfo
from tasks.jobs import lifecycle
from tasks.jobs.outputs import missing_outputs, missing_subtitles
from tasks.jobs.uploads import master_id
from tasks.models import Media, Status, Subtitle, TranscodeJob, UploadJob
from tasks.subtitles.changes import ask_again, mark_due, withdraw

_RETRY = "a retry makes what is missing."


def hold_against_bucket(
    media_id: str, job: TranscodeJob | None, there: Mapping[str, ObjectInfo], who: str
) -> list[str]:
    """What was changed, each as a sentence.

    ``job`` is a finished one of the media, or None where its row was deleted; ``there`` is what lay
    under the media's stream prefix afterwards.
    """
    media = Media.objects(media_id=media_id).first()
    latest = TranscodeJob.objects(media_id=media_id).order_by("-created_at").first()
    if media is None or (latest is not None and (job is None or latest.job_id != job.job_id)):
        # A later job has replaced what this one made.
        return []
    changes = _hold_stream(job, media, there, who) if job is not None else []
    return changes + _hold_subtitles(media, there, who)


def _hold_stream(
    job: TranscodeJob, media: Media, there: Mapping[str, ObjectInfo], who: str
) -> list[str]:
    completed = job.status == Status.completed
    if completed and not media.master_key:
        # Its outputs were deleted.
        return []
    lacking = missing_outputs(job, there)
    failed = []
    for upload in UploadJob.objects(transcode_id=job.job_id, status=Status.completed.value):
        # Subtitles are none of these, nor is what brought the master up to date for them.
        what = "master" if upload.job_id == master_id(job) else upload.rendition
        if what in lacking:
            lifecycle.disprove(upload, who, StorageFailed(_sentence(lacking, [what])))
            failed.append(what)
    if not completed:
        return [f"{_sentence(lacking, [what])} Its upload counts as failed now." for what in failed]
    if not lacking:
        return []
    sentence = _sentence(lacking, [*lacking])
    lifecycle.disprove(job, who, StorageFailed(sentence))
    Media.objects(media_id=job.media_id).update_one(unset__master_key=True)
    return [f"{sentence} The job counts as failed now: {_RETRY}"]


def _sentence(lacking: Mapping[str, list[str]], names: list[str]) -> str:
    count = sum(len(lacking[name]) for name in names)
    files = "1 file" if count == 1 else f"{count:,} files"
    verb = "is" if count == 1 else "are"
    return f"{files} of {', '.join(names)} {verb} missing from the bucket."


def _hold_subtitles(media: Media, there: Mapping[str, ObjectInfo], who: str) -> list[str]:
    changes = []
    for subtitle, absent in missing_subtitles(media.media_id, there):
        name = f"the subtitle {subtitle.label or subtitle.filename}"
        sentence = _sentence({name: absent}, [name])
        if _disprove(subtitle, who, sentence):
            withdraw(subtitle, sentence)
            changes.append(f"{sentence} Its upload counts as failed now: {_RETRY}")
        else:
            ask_again(subtitle)
            changes.append(f"{sentence} What is missing is put again.")
        mark_due(media.media_id)
    return changes


def _disprove(subtitle: Subtitle, who: str, sentence: str) -> bool:
    """Whether there is an upload that can be retried."""
    uploads = UploadJob.objects(subtitle_id=subtitle.subtitle_id).order_by("-created_at")
    upload = uploads.first()
    if upload is None:
        return False
    if upload.status == Status.completed:
        lifecycle.disprove(upload, who, StorageFailed(sentence))
    return True
