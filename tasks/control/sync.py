"""Sync: holds one job's rows against the queue and against what is really in the bucket."""

from dataclasses import dataclass
from typing import Any

from tasks import keys, lifecycle
from tasks.advance import advance
from tasks.control.bucket_check import hold_against_bucket
from tasks.models import Step, TranscodeJob, UploadJob
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
    if parent is None or parent.finished:
        changes += hold_against_bucket(job.media_id, parent, who)
    advance(transcode_id)
    return Synced(before, _look(lifecycle.find(type(job), job.job_id)), changes)


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
