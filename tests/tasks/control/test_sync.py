"""Syncing many jobs: each is told what syncing it alone would have told."""

from typing import Any

import pytest

from tasks.control.actions import act, act_many
from tasks.control.request import Request, Result
from tasks.control.sync import sync_many
from tasks.infra.storage import Storage, get_storage
from tasks.jobs.allowed import Action
from tasks.models import AuditEntry, Kind, Status, TranscodeJob, UploadJob
from tasks.queue import messages
from tasks.recovery.reconciler import heal
from tests.tasks.rows import stream_key
from tests.tasks.uploading import do_uploads, uploading_job

pytestmark = pytest.mark.usefixtures("database")

WHO = "ada@example.com"


def published(*, lacking: str = "") -> TranscodeJob:
    """A completed job, whose stream may lack a file."""
    job = uploading_job()
    do_uploads(job)
    # Messages that nobody acknowledged: their order in Redis differs each time.
    heal({job.job_id})
    if lacking:
        get_storage().delete([stream_key(job, lacking)])
    return job


def told(job: TranscodeJob, job_id: str) -> list[Any]:
    entry = AuditEntry.objects(target=job_id).get()
    data = {name: value for name, value in entry.data.items() if name != "operation"}
    return [
        entry.result,
        entry.detail,
        data,
        [row.status for row in UploadJob.objects(transcode_id=job.job_id).order_by("job_id")],
        TranscodeJob.objects(job_id=job.job_id).get().status,
    ]


@pytest.mark.parametrize("lacking", ["", "720p/playlist.m3u8"])
@pytest.mark.parametrize("kind", list(Kind))
def test_many_at_once_are_told_what_each_would_be(kind: Kind, lacking: str) -> None:
    jobs = [published(lacking=lacking) for _ in range(2)]
    ids = [job.job_id if kind is Kind.transcode else f"{job.job_id}.upload.master" for job in jobs]
    act(kind, Action.sync, ids[0], WHO)
    results = act_many(Request(kind, Action.sync, WHO, operation="an operation"), [ids[1]])
    assert results[ids[1]].result is Result.done
    assert told(jobs[1], ids[1]) == told(jobs[0], ids[0])
    failed = Status.failed if lacking else Status.completed
    assert TranscodeJob.objects(job_id=jobs[1].job_id).get().status == failed


def test_of_many_the_queue_is_read_once_and_of_each_the_bucket_listed_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs = [published() for _ in range(3)]
    counts = {"queue": 0, "listings": 0}
    read, listed = messages.held_ids, Storage.list

    def counted_read() -> dict[str, str]:
        counts["queue"] += 1
        return read()

    def counted_listing(storage: Storage, prefix: str) -> Any:
        counts["listings"] += 1
        return listed(storage, prefix)

    monkeypatch.setattr(messages, "held_ids", counted_read)
    monkeypatch.setattr(Storage, "list", counted_listing)
    sync_many(TranscodeJob, [job.to_mongo() for job in jobs], WHO)
    assert counts == {"queue": 1, "listings": 6}
