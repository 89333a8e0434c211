"""Sync: holds jobs' rows against the queue and against what is really in the bucket.

The queue is read once for all of them, and of each the bucket is listed once: nothing here changes
what lies there, so what was found serves before and after.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tasks import keys
from tasks.control.bucket_check import hold_against_bucket
from tasks.errors import StorageFailed
from tasks.infra.storage import ObjectInfo, get_storage
from tasks.jobs import lifecycle
from tasks.jobs.advance import advance
from tasks.jobs.transition import Row
from tasks.models import UNFINISHED, Step, TranscodeJob, UploadJob, stored
from tasks.recovery.reconciler import heal
from tasks.removal.emptying import THREADS
from tasks.removal.held import Jobs


@dataclass(frozen=True)
class Synced:
    """The state of a job before and after a sync, and each change as a sentence."""

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


@dataclass(frozen=True)
class _Checked:
    """The objects in the bucket of a transcode job, and the changes in its rows."""

    stream: Mapping[str, ObjectInfo]
    work: Mapping[str, ObjectInfo]
    changes: list[str]


def sync_many(
    model: Jobs, jobs: Sequence[Row], who: str
) -> dict[str, Synced | StorageFailed | lifecycle.NotFound]:
    """Compares jobs of a kind, repairs by the reconciler's rules, and says what it found, by id.

    ``jobs`` are rows with ``job_id, status, progress, media_id``, and of uploads ``transcode_id,
    upload_path``. What was changed in a transcode job is said of the first that belongs to it.
    Raises redis.RedisError, PyMongoError.
    """
    before = _counts(jobs)
    media = {_owner(job): job["media_id"] for job in jobs}
    healed = heal(media)
    with ThreadPoolExecutor(THREADS) as threads:
        check = threads.map(lambda owner: _check(owner, media[owner], who), media)
        checked = dict(zip(media, check, strict=True))
    ids = {"job_id": {"$in": [job["job_id"] for job in jobs]}}
    found = stored.collection(model).find(ids, dict.fromkeys(jobs[0], 1))
    now = {job["job_id"]: job for job in found}
    after = _counts([*now.values()])
    answers: dict[str, Synced | StorageFailed | lifecycle.NotFound] = {}
    for job in jobs:
        job_id, owner = job["job_id"], _owner(job)
        in_bucket = checked[owner]
        if isinstance(in_bucket, StorageFailed):
            answers[job_id] = in_bucket
        elif job_id not in now:
            answers[job_id] = lifecycle.not_found(job_id)
        else:
            changes = []
            if owner in healed:
                changes = [f"{unit_id}: {why}." for unit_id, why in healed.pop(owner)]
                changes += in_bucket.changes
            bucket = _bucket(job, in_bucket)
            answers[job_id] = Synced(before[job_id] | bucket, after[job_id] | bucket, changes)
    return answers


def _owner(job: Row) -> str:
    return str(job.get("transcode_id") or job["job_id"])


def _check(transcode_id: str, media_id: str, who: str) -> _Checked | StorageFailed:
    parent = TranscodeJob.objects(job_id=transcode_id).first()
    try:
        stream = get_storage().list(keys.video(media_id))
        work = get_storage().list(keys.work(transcode_id))
        over = parent is None or parent.finished
        changes = hold_against_bucket(media_id, parent, stream, who) if over else []
        advance(transcode_id)
    except StorageFailed as error:
        return error
    return _Checked(stream, work, changes)


def _counts(jobs: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """The status of each job, and how many of its parts have which, and a message."""
    query = {"transcode_id": {"$in": list({_owner(job) for job in jobs})}}
    statuses: dict[str, Counter[str]] = defaultdict(Counter)
    queued: Counter[str] = Counter()
    for model in (Step, UploadJob):
        rows = stored.collection(model).find(
            query, {"transcode_id": 1, "status": 1, "message_id": 1}
        )
        for row in rows:
            statuses[row["transcode_id"]][row["status"]] += 1
            if row.get("message_id") and row["status"] in UNFINISHED:
                queued[row["transcode_id"]] += 1
    return {
        job["job_id"]: {
            "status": job["status"],
            "progress": job.get("progress") or 0.0,
            "parts": dict(statuses[_owner(job)]),
            "queued": queued[_owner(job)],
        }
        for job in jobs
    }


def _bucket(job: Row, found: _Checked) -> dict[str, Any]:
    own: Mapping[str, ObjectInfo] = found.stream
    if "transcode_id" in job:
        prefix = job.get("upload_path")
        own = {k: info for k, info in found.stream.items() if prefix and k.startswith(prefix)}
    return {"bucket": _counted(own), "workArea": _counted(found.work)}


def _counted(files: Mapping[str, ObjectInfo]) -> dict[str, int]:
    return {"files": len(files), "bytes": sum(info.size for info in files.values())}
