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
from tasks.models import UNFINISHED, Step, TranscodeJob, UploadJob
from tasks.recovery.reconciler import heal
from tasks.removal.emptying import THREADS

Job = TranscodeJob | UploadJob


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


@dataclass(frozen=True)
class _Checked:
    """What was found in the bucket of a transcode job, and changed in its rows."""

    stream: Mapping[str, ObjectInfo]
    work: Mapping[str, ObjectInfo]
    changes: list[str]


def sync(job: Job, who: str) -> Synced:
    """Compares, repairs by the reconciler's rules, and says what it found.

    Raises NotFound, StorageFailed, redis.RedisError.
    """
    (answer,) = sync_many([job], who).values()
    if isinstance(answer, Synced):
        return answer
    raise answer


def sync_many(
    jobs: Sequence[Job], who: str
) -> dict[str, Synced | StorageFailed | lifecycle.NotFound]:
    """``sync`` for each of many jobs of a kind, by id. What was changed in a transcode job is said
    of the first that belongs to it. Raises redis.RedisError, PyMongoError."""
    before = _rows(jobs)
    media = {_owner(job): job.media_id for job in jobs}
    healed = heal(media)
    with ThreadPoolExecutor(THREADS) as threads:
        check = threads.map(lambda owner: _check(owner, media[owner], who), media)
        checked = dict(zip(media, check, strict=True))
    model, ids = type(jobs[0]), [job.job_id for job in jobs]
    now = {job.job_id: job for job in model.objects(job_id__in=ids)}
    after = _rows([*now.values()])
    answers: dict[str, Synced | StorageFailed | lifecycle.NotFound] = {}
    for job in jobs:
        owner = _owner(job)
        found = checked[owner]
        if isinstance(found, StorageFailed):
            answers[job.job_id] = found
        elif job.job_id not in now:
            answers[job.job_id] = lifecycle.NotFound(f"There is no job {job.job_id!r}.")
        else:
            changes = []
            if owner in healed:
                changes = [f"{unit_id}: {why}." for unit_id, why in healed.pop(owner)]
                changes += found.changes
            bucket = _bucket(job, found)
            answers[job.job_id] = Synced(
                before[job.job_id] | bucket, after[job.job_id] | bucket, changes
            )
    return answers


def _owner(job: Job) -> str:
    return str(job.job_id if isinstance(job, TranscodeJob) else job.transcode_id)


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


def _rows(jobs: Sequence[Job]) -> dict[str, dict[str, Any]]:
    """Of each job what its rows say."""
    query = {"transcode_id": {"$in": list({_owner(job) for job in jobs})}}
    statuses: dict[str, Counter[str]] = defaultdict(Counter)
    queued: Counter[str] = Counter()
    for model in (Step, UploadJob):
        rows = model._get_collection().find(
            query, {"transcode_id": 1, "status": 1, "message_id": 1}
        )
        for row in rows:
            statuses[row["transcode_id"]][row["status"]] += 1
            if row.get("message_id") and row["status"] in UNFINISHED:
                queued[row["transcode_id"]] += 1
    return {
        job.job_id: {
            "status": job.status,
            "progress": job.progress,
            "parts": dict(statuses[_owner(job)]),
            "queued": queued[_owner(job)],
        }
        for job in jobs
    }


def _bucket(job: Job, found: _Checked) -> dict[str, Any]:
    own: Mapping[str, ObjectInfo] = found.stream
    if isinstance(job, UploadJob):
        prefix = job.upload_path
        own = {k: info for k, info in found.stream.items() if prefix and k.startswith(prefix)}
    return {"bucket": _counted(own), "workArea": _counted(found.work)}


def _counted(files: Mapping[str, ObjectInfo]) -> dict[str, int]:
    return {"files": len(files), "bytes": sum(info.size for info in files.values())}
