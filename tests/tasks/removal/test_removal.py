"""Deleting and cleaning up many jobs: as one by one, and whole wherever a worker is killed."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pymongo.collection
import pytest

from tasks import keys, streams
from tasks.control import bulk
from tasks.control.actions import act, act_many
from tasks.control.request import Request, Result
from tasks.errors import EncoderFailed, StorageFailed
from tasks.infra.storage import Storage, get_storage
from tasks.jobs import lifecycle
from tasks.jobs.allowed import Action
from tasks.models import AuditEntry, JobLogLine, Kind, Media, Step, TranscodeJob, UploadJob
from tasks.models.bulk_operation import BulkOperation
from tasks.removal import emptying
from tasks.removal.removed import Removed
from tests.tasks.control.test_bulk import WHO, counted, work
from tests.tasks.rows import a_job, a_media, a_step, an_upload, claimed, stream_key

pytestmark = pytest.mark.usefixtures("database")


def a_failed_job(files: int = 2) -> TranscodeJob:
    """A job that failed with an upload, with so many files in work area and stream each."""
    media = a_media()
    job = a_job(
        media_id=media.media_id, plan={"chunks": [{"index": 0}]}, renditions=[{"name": "720p"}]
    )
    lifecycle.fail(claimed(a_step(job)), EncoderFailed("It stumbled."))
    upload = claimed(an_upload(job))
    folder = stream_key(job, "720p", "")
    UploadJob.objects(job_id=upload.job_id).update(upload_path=folder)
    lifecycle.fail(upload, EncoderFailed("It stumbled."))
    lifecycle.activate(job.job_id)
    lifecycle.fail_jobs({job.job_id: EncoderFailed("It stumbled.")})
    for number in range(files):
        get_storage().put_bytes(keys.work(job.job_id, f"{number}"), b"12")
        get_storage().put_bytes(f"{folder}{number}", b"123")
    return lifecycle.find(TranscodeJob, job.job_id)


def a_watched_job() -> TranscodeJob:
    """A failed job of a media whose stream is live: it is that of another job."""
    job = a_failed_job()
    other = a_job(media_id=job.media_id)
    stream = streams.of_job(other)
    get_storage().put_bytes(stream_key(other, "720p", "seg"), b"1")
    done = streams.complete(stream, other, master="#EXTM3U\n", files={"seg": 1})
    assert done is not None
    assert streams.publish_newest(done)
    assert streams.write_master(job.media_id) is not None
    return job


def a_job_beside_another() -> TranscodeJob:
    job = a_failed_job()
    a_job(media_id=job.media_id)
    return job


def row_of(kind: Kind, job: TranscodeJob) -> str:
    return job.job_id if kind is Kind.transcode else f"{job.job_id}.upload.720p"


def left_of(job: TranscodeJob) -> dict[str, Any]:
    """All that there is of a job, apart from what differs each time."""
    rows: dict[str, Any] = {}
    for model in (TranscodeJob, Step, UploadJob):
        for row in model.objects(job_id__startswith=job.job_id):
            rows[row.job_id.removeprefix(job.job_id)] = (
                row.status,
                row.progress,
                getattr(row, "plan", None),
                getattr(row, "cleaning_by", None),
                [line.why.replace(" (bulk an opera)", "") for line in row.history],
            )
    prefixes = (keys.work(job.job_id), keys.video(job.media_id))
    rows["files"] = [len(get_storage().list(prefix)) for prefix in prefixes]
    rows["media"] = bool(Media.objects(media_id=job.media_id).get().master_key)
    log = JobLogLine.objects(job_id=job.job_id).order_by("id")
    rows["log"] = [
        (line.level, line.message.replace(" (bulk an opera)", ""))
        for line in log
        if "deleted" in line.message or "Cleaned" in line.message
    ]
    entries = AuditEntry.objects(target__startswith=job.job_id)
    rows["audit"] = [(e.action, e.result, e.detail, _without_operation(e.data)) for e in entries]
    return rows


def _without_operation(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != "operation"}


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(
    ("action", "outputs"),
    [(Action.cleanup, False), (Action.delete, False), (Action.delete, True)],
)
@pytest.mark.parametrize("make", [a_failed_job, a_watched_job, a_job_beside_another])
def test_many_at_once_come_to_what_one_by_one_come_to(
    kind: Kind, action: Action, outputs: bool, make: Callable[[], TranscodeJob]
) -> None:
    one, other = make(), make()
    why = ""
    try:
        act(kind, action, row_of(kind, one), WHO, outputs=outputs)
    except lifecycle.Conflict as error:
        why = str(error)
    job_id = row_of(kind, other)
    results = act_many(Request(kind, action, WHO, outputs, "an operation"), [job_id])
    assert results[job_id].result is (Result.skipped if why else Result.done)
    assert results[job_id].reason == why
    assert left_of(other) == left_of(one)


class Killed(BaseException):
    """As if the process was gone."""


def killed_after(writes: int, work: Callable[[], object]) -> bool:
    """Whether work was cut off after so many writes to the database or the bucket."""
    count = itertools.count(1)
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in (
            (pymongo.collection.Collection, "bulk_write"),
            (pymongo.collection.Collection, "insert_many"),
            (pymongo.collection.Collection, "update_many"),
            (pymongo.collection.Collection, "delete_many"),
            (Storage, "delete"),
        ):
            patch.setattr(owner, name, _dying(getattr(owner, name), count, writes))
        try:
            work()
        except Killed:
            return True
    return False


def _dying(write: Any, count: Any, last: int) -> Any:
    def dies(*args: Any, **more: Any) -> Any:
        answer = write(*args, **more)
        if next(count) >= last:
            raise Killed
        return answer

    return dies


@pytest.mark.parametrize("action", [Action.cleanup, Action.delete])
def test_wherever_a_worker_is_killed_whoever_goes_on_ends_it(action: Action) -> None:
    seen: list[dict[str, Any]] = []
    killed = True
    while killed:
        job = a_failed_job(1)
        ids = [job.job_id]
        row = bulk.start(Kind.transcode, action, WHO, ids=ids, outputs=True)
        request = Request(Kind.transcode, action, WHO, outputs=True, operation=row.job_id)
        BulkOperation.objects(job_id=row.job_id).update(pending=ids)
        killed = killed_after(len(seen) + 1, partial(act_many, request, ids))
        assert counted(work(row)) == (1, 0, 0)
        seen.append(kinds_of(left_of(job)))
    assert len(seen) > 5
    assert [left for left in seen if left != seen[-1]] == []


def kinds_of(left: dict[str, Any]) -> dict[str, Any]:
    """What is left of a job, without counts: a second try finds less to count."""
    left["audit"] = [entry[:2] for entry in left["audit"]]
    left["log"] = [level for level, _ in left["log"]]
    if "" in left:
        *rest, history = left[""]
        left[""] = (*rest, len(history))
    return left


def test_where_the_bucket_refuses_one_job_it_stays_and_can_be_deleted_again() -> None:
    jobs = [a_failed_job() for _ in range(3)]
    refused = jobs[1]
    error = StorageFailed("Storage answered AccessDenied.")
    remove = Storage.delete

    def refuse(storage: Storage, names: Any) -> None:
        if any(name.startswith(keys.work(refused.job_id)) for name in names):
            raise error
        remove(storage, names)

    request = Request(Kind.transcode, Action.delete, WHO, True, "an operation")
    ids = [job.job_id for job in jobs]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Storage, "delete", refuse)
        results = act_many(request, ids)
    failed = results.pop(refused.job_id)
    assert (failed.result, failed.reason) == (Result.failed, error.sentence)
    assert {outcome.result for outcome in results.values()} == {Result.done}
    assert list(TranscodeJob.objects.scalar("job_id")) == [refused.job_id]
    act(Kind.transcode, Action.delete, refused.job_id, WHO, outputs=True)
    assert [*get_storage().list("work/"), *get_storage().list("hls/")] == []


@pytest.mark.parametrize(("page", "each"), [(1_000, 100), (1, 1)])
def test_folders_among_others_are_emptied_and_those_left_alone(
    monkeypatch: pytest.MonkeyPatch, page: int, each: int
) -> None:
    """With what a listing of names costs taken for little, and for too much."""
    monkeypatch.setattr(emptying, "PAGE", page)
    monkeypatch.setattr(emptying, "NAMES_EACH", each)
    storage = get_storage()
    names = [f"{number:02}" for number in range(20)] + ["05-a", "05a"]
    for name in names:
        storage.put_bytes(f"here/{name}/x", b"1")
    storage.writer("here/07/half", most=1).write(b"x" * 8 * 1024**2)
    gone = [*names[3:18:2], "05-a", "none"]

    emptied = emptying.empty({name: [f"here/{name}/"] for name in gone})

    for name, removed in emptied.items():
        size = int(name != "none")
        assert removed == Removed(files=size, size=size, uploads=int(name == "07"))
    assert [*emptied] == gone
    assert {key.split("/")[1] for key in storage.list("here/")} == {*names} - {*gone}
    assert [*storage.folders("here/", first="18")] == ["18", "19"]
