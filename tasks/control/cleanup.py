"""Clean up: what a failed or cancelled job left behind goes, and a retry starts from the source."""

from typing import Any

from tasks import keys, lifecycle
from tasks.control.removed import Removed
from tasks.models import Media, Phase, Step, TranscodeJob, UploadJob
from tasks.source_cache import forget
from tasks.storage import get_storage
from tasks.subtitles.changes import unpublish_all

_UNPLANNED: dict[str, Any] = {
    "plan": {},
    "phases": {},
    "phase": Phase.splitting.value,
    "chunks_done": 0,
    "chunks_total": 0,
    "renditions": [],
    "detail": "",
}
_UNSENT: dict[str, Any] = {
    "files_done": 0,
    "bytes_done": 0,
    "current_file": None,
    "speed": None,
}


def clean_up(job: TranscodeJob | UploadJob, who: str) -> Removed:
    """Removes temporary files, work area and half uploads. Raises Conflict, StorageFailed."""
    held = lifecycle.begin_cleanup(type(job), job.job_id)
    if isinstance(held, TranscodeJob):
        removed = _clean_transcode(held)
        fields = _UNPLANNED
    else:
        removed = _clean_upload(held)
        fields = _UNSENT
    lifecycle.end_cleanup(held, who, f"Cleaned up by {who}: {removed.sentence()}", fields)
    return removed


def remove_prefix(prefix: str, removed: Removed) -> None:
    """Takes away all objects and half uploads below a prefix, and counts them."""
    storage = get_storage()
    found = storage.list(prefix)
    removed.files += len(found)
    removed.size += sum(info.size for info in found.values())
    storage.delete([*found])
    removed.uploads += storage.abort_uploads(prefix)


def _clean_transcode(job: TranscodeJob) -> Removed:
    removed = Removed()
    removed.rows += Step.objects(transcode_id=job.job_id).delete()
    removed.rows += UploadJob.objects(transcode_id=job.job_id).delete()
    remove_prefix(keys.work(job.job_id), removed)
    if not _is_published(job.media_id):
        remove_prefix(keys.stream(job.media_id), removed)
        unpublish_all(job.media_id)
        Media.objects(media_id=job.media_id).update_one(
            unset__poster_key=True, unset__storyboard_key=True
        )
    forget(job.media_id)
    return removed


def _clean_upload(upload: UploadJob) -> Removed:
    removed = Removed()
    # What players can see by now belongs to the stream and not to this upload.
    if upload.upload_path and not _is_published(upload.media_id):
        remove_prefix(upload.upload_path, removed)
    return removed


def _is_published(media_id: str) -> bool:
    media = Media.objects(media_id=media_id).only("master_key").first()
    return media is not None and bool(media.master_key)
