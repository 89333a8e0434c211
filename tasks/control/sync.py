"""Sync: holds one job's rows against the queue and against what is really in the bucket."""

from dataclasses import dataclass
from typing import Any

from tasks import keys, lifecycle
from tasks.advance import advance
from tasks.errors import StorageFailed
from tasks.models import Media, Status, Step, TranscodeJob, UploadJob
from tasks.outputs import missing_outputs
from tasks.reconciler import heal
from tasks.storage import get_storage


@dataclass(frozen=True)
class Synced:
    """What a job looked like before and after, and what was changed, each as a sentence."""

    before: dict[str, Any]
    after: dict[str, Any]
    changes: list[str]

    def sentence(self) -> str:
        """For people."""
        if not self.changes:
            return "Rows, queue and bucket agree: nothing to do."
        return " ".join(self.changes)

    def data(self) -> dict[str, Any]:
        """For programs."""
        return {"before": self.before, "after": self.after, "changes": self.changes}


def sync(job: TranscodeJob | UploadJob, who: str) -> Synced:
    """Compares, repairs by the reconciler's rules, and says what it found.

    Raises StorageFailed, redis.RedisError.
    """
    transcode_id = job.job_id if isinstance(job, TranscodeJob) else job.transcode_id
    before = _look(job)
    changes = [f"{unit_id}: {why}." for unit_id, why in heal(transcode_id)]
    parent = TranscodeJob.objects(job_id=transcode_id).first()
    if parent is not None and parent.status == Status.completed:
        changes += _hold_against_bucket(parent, who)
    advance(transcode_id)
    return Synced(before, _look(lifecycle.find(type(job), job.job_id)), changes)


def _hold_against_bucket(job: TranscodeJob, who: str) -> list[str]:
    media = Media.objects(media_id=job.media_id).first()
    latest = TranscodeJob.objects(media_id=job.media_id).order_by("-created_at").first()
    if media is None or not media.master_key or latest.job_id != job.job_id:
        # Not what players see: a later job has replaced it, or its outputs were deleted.
        return []
    lacking = missing_outputs(job, get_storage().list(keys.stream(job.media_id)))
    if not lacking:
        return []
    count = sum(len(absent) for absent in lacking.values())
    sentence = f"{count:,} files of {', '.join(lacking)} are missing from the bucket."
    error = StorageFailed(sentence)
    for upload in UploadJob.objects(transcode_id=job.job_id, status=Status.completed.value):
        # A subtitle is none of these: the master leaves out one whose files are gone.
        if upload.upload_type != "subtitle" and (upload.rendition or "master") in lacking:
            lifecycle.disprove(upload, who, error)
    lifecycle.disprove(job, who, error)
    Media.objects(media_id=job.media_id).update_one(unset__master_key=True)
    return [f"{sentence} The job counts as failed now: a retry makes what is missing."]


def _look(job: TranscodeJob | UploadJob) -> dict[str, Any]:
    storage = get_storage()
    if isinstance(job, TranscodeJob):
        transcode_id, prefix = job.job_id, keys.stream(job.media_id)
    else:
        transcode_id, prefix = job.transcode_id, job.upload_path or ""
    there = storage.list(prefix) if prefix else {}
    area = storage.list(keys.work(transcode_id))
    parts = [
        *Step.objects(transcode_id=transcode_id),
        *UploadJob.objects(transcode_id=transcode_id),
    ]
    by_status: dict[str, int] = {}
    for part in parts:
        by_status[part.status] = by_status.get(part.status, 0) + 1
    return {
        "status": job.status,
        "progress": job.progress,
        "parts": by_status,
        "queued": sum(1 for part in parts if part.message_id and not part.finished),
        "bucket": {"files": len(there), "bytes": sum(info.size for info in there.values())},
        "workArea": {"files": len(area), "bytes": sum(info.size for info in area.values())},
    }
