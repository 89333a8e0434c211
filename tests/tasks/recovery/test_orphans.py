"""What lies in the bucket and belongs to nothing, told from what somebody may still need."""

from datetime import timedelta

import pytest

from tasks import keys
from tasks.infra.storage import get_storage
from tasks.models import Media, Status, TranscodeJob
from tasks.models.clock import now
from tasks.models.repair import Repair
from tasks.recovery import drift, orphans
from tasks.recovery.orphans import find_orphans
from tests.servers import Servers
from tests.tasks.rows import a_job, a_media

pytestmark = pytest.mark.usefixtures("database")


def put(key: str) -> str:
    get_storage().put_bytes(key, b"some bytes")
    return key


def later(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    moment = now() + timedelta(**by)
    monkeypatch.setattr(orphans, "now", lambda: moment)


def found() -> list[tuple[str, str]]:
    return sorted((orphan.ref, orphan.rule_id) for orphan in find_orphans())


def finished(status: Status) -> TranscodeJob:
    job = a_job()
    TranscodeJob._get_collection().update_one(
        {"job_id": job.job_id}, {"$set": {"status": status.value, "finished_at": now()}}
    )
    return job


def there(prefix: str) -> bool:
    return bool(get_storage().list(prefix))


def test_what_changed_within_the_hour_is_never_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("work/nobody/a", "hls/nobody/master.m3u8", "sources/nobody/film.mp4"):
        put(key)
    put(keys.work(finished(Status.completed).job_id, "a"))
    later(monkeypatch, minutes=59)
    assert found() == []
    assert orphans.reconcile_bucket() == []
    later(monkeypatch, minutes=61)
    assert len(found()) == 4


def test_what_belongs_to_a_row_is_no_orphan(monkeypatch: pytest.MonkeyPatch) -> None:
    media, job = a_media(), a_job()
    put(keys.source(media.media_id, "film.mp4"))
    put(keys.stream(media.media_id, "720p", "a.m4s"))
    put(keys.work(job.job_id, "chunk", "a.m4s"))
    later(monkeypatch, days=30)
    assert found() == []


def test_the_work_area_of_a_completed_job_goes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    job = finished(Status.completed)
    put(keys.work(job.job_id, "chunk", "a.m4s"))
    later(monkeypatch, hours=2)
    assert found() == [(keys.work(job.job_id), "work-left")]
    assert orphans.reconcile_bucket() == []
    assert not there(keys.work(job.job_id))
    (repair,) = Repair.objects
    assert (repair.who, repair.rule, repair.done) == ("reconciler", "work-left", "1 file removed.")


def test_what_a_retry_can_use_is_kept_for_a_week(monkeypatch: pytest.MonkeyPatch) -> None:
    job = finished(Status.failed)
    put(keys.work(job.job_id, "chunk", "a.m4s"))
    later(monkeypatch, days=6)
    assert orphans.reconcile_bucket() == []
    assert there(keys.work(job.job_id))
    later(monkeypatch, days=8)
    orphans.reconcile_bucket()
    assert not there(keys.work(job.job_id))


def test_files_of_nobody_wait_for_a_click(monkeypatch: pytest.MonkeyPatch) -> None:
    put("work/nobody/a")
    put("hls/nobody/master.m3u8")
    kept = put("sources/nobody/film.mp4")
    later(monkeypatch, hours=2)
    assert len(orphans.reconcile_bucket()) == 3
    assert there("work/nobody/")
    entry = next(e for e in drift.find_drift() if e.rule == "work-orphan")
    assert (entry.row_says, entry.other, entry.other_says) == ("No row", "bucket", "1 file, 0.0 kB")
    (fixed,) = drift.fix(entry.id, "ada")
    assert fixed.done
    assert not there("work/nobody/")
    (stream,) = drift.fix("hls/nobody/", "ada")
    assert stream.done
    assert [*get_storage().list("")] == [kept]


def test_a_row_that_came_meanwhile_saves_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    media_id = "00000000-0000-4000-8000-000000000001"
    key = put(keys.source(media_id, "film.mp4"))
    later(monkeypatch, hours=2)
    (orphan,) = orphans.reconcile_bucket()
    Media(media_id=media_id, filename="film.mp4", source_key=key, size=10, created_at=now()).save()
    assert orphans.remove(orphan, "ada") is None
    assert there(key)


def test_an_unfinished_upload_is_found_after_a_day(
    database: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, bucket = database.s3_client, database.bucket
    begun = client.create_multipart_upload(Bucket=bucket, Key="sources/x/film.mp4")
    client.upload_part(
        Bucket=bucket,
        Key="sources/x/film.mp4",
        UploadId=begun["UploadId"],
        PartNumber=1,
        Body=b"some bytes",
    )
    later(monkeypatch, hours=23)
    assert found() == []
    later(monkeypatch, hours=25)
    assert found() == [(f"sources/x/film.mp4 {begun['UploadId']}", "half-upload")]
    assert len(orphans.reconcile_bucket()) == 1
    (fixed,) = drift.fix_all("ada")
    assert fixed.done
    assert found() == []


def test_a_stream_that_is_gone_is_told() -> None:
    media, job = a_media(), finished(Status.completed)
    TranscodeJob.objects(job_id=job.job_id).update_one(set__media_id=media.media_id)
    key = put(keys.stream(media.media_id, "master.m3u8"))
    media.update(set__master_key=key)
    assert found() == []
    get_storage().delete([key])
    assert found() == [(job.job_id, "stream-missing")]


def test_a_look_is_kept_for_the_pages_until_something_is_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put("work/nobody/a")
    later(monkeypatch, hours=2)
    assert orphans.kept() is None
    assert [orphan.rule_id for orphan in orphans.report().orphans] == ["work-orphan"]
    assert there("work/nobody/")
    kept = orphans.kept()
    assert kept is not None
    assert kept.total == 1
    orphans.remove(kept.orphans[0], "ada")
    assert orphans.kept() is None
