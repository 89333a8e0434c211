"""Deleting a finished job's rows, and if wanted what it made."""

from tasks import events, job_log, keys, lifecycle
from tasks.control.cleanup import remove_prefix
from tasks.control.removed import Removed
from tasks.job_log_words import JOB
from tasks.models import UNFINISHED, Media, Step, Subtitle, TranscodeJob, UploadJob
from tasks.storage import get_storage
from tasks.subtitles import attach
from tasks.subtitles.changes import unpublish_all

_AT_WORK = "Another job works on this media: its outputs cannot be deleted."
_UNFINISHED = [status.value for status in UNFINISHED]


def delete_transcode_job(job: TranscodeJob, *, outputs: bool) -> Removed:
    """Removes a job with its steps and uploads; its work area goes in any case.

    ``outputs``: the stream too, so that the media is only a source again. Raises Conflict where
    another job of the media is unfinished, StorageFailed.
    """
    if outputs and TranscodeJob.objects(media_id=job.media_id, status__in=_UNFINISHED).first():
        raise lifecycle.Conflict(_AT_WORK)
    lifecycle.remove(job)
    job_log.note(job.job_id, JOB, "Its row was deleted; the audit log says by whom.")
    removed = Removed(rows=1)
    removed.rows += Step.objects(transcode_id=job.job_id).delete()
    removed.rows += UploadJob.objects(transcode_id=job.job_id).delete()
    remove_prefix(keys.work(job.job_id), removed)
    if outputs:
        # First what makes it playable: nobody starts to watch what is about to vanish.
        Media.objects(media_id=job.media_id).update_one(
            unset__master_key=True,
            unset__published_at=True,
            unset__poster_key=True,
            unset__storyboard_key=True,
            unset__stream_size=True,
            set__renditions={},
        )
        remove_prefix(keys.stream(job.media_id), removed)
        unpublish_all(job.media_id)
        events.publish("mediaChanged", mediaId=job.media_id)
    return removed


def delete_upload_job(upload: UploadJob, who: str, *, outputs: bool) -> Removed:
    """Removes an upload's row; with ``outputs`` its files too, and of a subtitle the subtitle.

    Raises Conflict where its job still needs it, StorageFailed.
    """
    parent = TranscodeJob.objects(job_id=upload.transcode_id).first()
    if parent is not None and not parent.finished:
        raise lifecycle.Conflict("Its transcode job is not finished and needs this upload.")
    if outputs and upload.subtitle_id is not None:
        return _delete_with_subtitle(upload, who)
    if outputs and upload.upload_path:
        if TranscodeJob.objects(media_id=upload.media_id, status__in=_UNFINISHED).first():
            raise lifecycle.Conflict(_AT_WORK)
        media = Media.objects(media_id=upload.media_id).first()
        if media is not None and media.master_key:
            raise lifecycle.Conflict(
                "Its files are part of a stream that can be watched: delete the transcode job with "
                "its outputs instead."
            )
    lifecycle.remove(upload)
    removed = Removed(rows=1)
    if outputs and upload.upload_path:
        remove_prefix(upload.upload_path, removed)
    return removed


def _delete_with_subtitle(upload: UploadJob, who: str) -> Removed:
    """The master forgets the subtitle before its files go, so that none names what is not there."""
    subtitle = Subtitle.objects(subtitle_id=upload.subtitle_id, removed_at=None).first()
    lifecycle.remove(upload)
    removed = Removed(rows=1)
    if subtitle is None:
        return removed
    if subtitle.folder:
        found = get_storage().list(keys.stream(subtitle.media_id, subtitle.folder, ""))
        removed.files += len(found)
        removed.size += sum(info.size for info in found.values())
    attach.remove(subtitle.media_id, subtitle.subtitle_id, who)
    return removed
