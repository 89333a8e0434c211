"""What lies in the bucket and belongs to nothing, told from what somebody may still need."""

import threading
from datetime import timedelta

import pytest

from tasks import keys
from tasks.infra import ownership
from tasks.infra.storage import get_storage
from tasks.jobs.advance import advance
from tasks.jobs.lifecycle import Conflict
from tasks.models import Media, Status, Step, TranscodeJob
from tasks.models.clock import now
from tasks.models.repair import Repair
from tasks.recovery import bucket_look, drift, orphans
from tasks.recovery.orphans import Orphan, find_orphans
from tasks.recovery.reconciler import reconcile
from tasks.settings import get_settings
from tests.recovery.waiting import until
from tests.servers import Servers
from tests.tasks.rows import a_job, a_media

NOBODY = "00000000-0000-4000-8000-00000000dead"

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


def reconcile_bucket() -> list[Orphan]:
    return bucket_look.look().orphans


def there(prefix: str) -> bool:
    return bool(get_storage().list(prefix))


def test_what_changed_within_the_hour_is_never_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in (f"work/{NOBODY}/a", f"hls/{NOBODY}/master.m3u8", f"sources/{NOBODY}/film.mp4"):
        put(key)
    put(keys.work(finished(Status.completed).job_id, "a"))
    later(monkeypatch, minutes=59)
    assert found() == []
    assert reconcile_bucket() == []
    later(monkeypatch, minutes=61)
    assert len(found()) == 4


def test_what_belongs_to_a_row_is_no_orphan(monkeypatch: pytest.MonkeyPatch) -> None:
    media, job = a_media(), a_job()
    put(keys.source(media.media_id, "film.mp4"))
    put(keys.video(media.media_id, "720p", "a.m4s"))
    put(keys.work(job.job_id, "chunk", "a.m4s"))
    later(monkeypatch, days=30)
    assert found() == []


def test_the_work_area_of_a_completed_job_goes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    job = finished(Status.completed)
    put(keys.work(job.job_id, "chunk", "a.m4s"))
    later(monkeypatch, hours=2)
    assert found() == [(keys.work(job.job_id), "work-left")]
    assert reconcile_bucket() == []
    assert not there(keys.work(job.job_id))
    (repair,) = Repair.objects
    assert (repair.who, repair.rule, repair.done) == ("reconciler", "work-left", "1 file removed.")


def test_what_a_retry_can_use_is_kept_for_a_week(monkeypatch: pytest.MonkeyPatch) -> None:
    job = finished(Status.failed)
    put(keys.work(job.job_id, "chunk", "a.m4s"))
    later(monkeypatch, days=6)
    assert reconcile_bucket() == []
    assert there(keys.work(job.job_id))
    later(monkeypatch, days=8)
    reconcile_bucket()
    assert not there(keys.work(job.job_id))


def test_files_of_nobody_wait_for_a_click(monkeypatch: pytest.MonkeyPatch) -> None:
    a_media()
    put(f"work/{NOBODY}/a")
    put(f"hls/{NOBODY}/master.m3u8")
    kept = put(f"sources/{NOBODY}/film.mp4")
    later(monkeypatch, hours=2)
    assert len(reconcile_bucket()) == 3
    assert there(f"work/{NOBODY}/")
    entry = next(e for e in drift.find_drift() if e.rule == "work-orphan")
    assert (entry.row_says, entry.other, entry.other_says) == ("No row", "bucket", "1 file, 0.0 kB")
    (fixed,) = drift.fix(entry.id, "ada")
    assert fixed.done
    assert not there(f"work/{NOBODY}/")
    (stream,) = drift.fix(f"hls/{NOBODY}/", "ada")
    assert stream.done
    assert sorted(get_storage().list("")) == [keys.owner_mark(), kept]


def test_a_row_that_came_meanwhile_saves_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    media_id = "00000000-0000-4000-8000-000000000001"
    key = put(keys.source(media_id, "film.mp4"))
    later(monkeypatch, hours=2)
    (orphan,) = reconcile_bucket()
    Media(media_id=media_id, filename="film.mp4", source_key=key, size=10, created_at=now()).save()
    assert orphans.remove(orphan, "ada") is None
    assert there(key)


def test_an_unfinished_upload_is_found_after_a_day(
    database: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_media()
    client, bucket = database.s3_client, database.bucket
    begun = client.create_multipart_upload(Bucket=bucket, Key=f"sources/{NOBODY}/film.mp4")
    client.upload_part(
        Bucket=bucket,
        Key=f"sources/{NOBODY}/film.mp4",
        UploadId=begun["UploadId"],
        PartNumber=1,
        Body=b"some bytes",
    )
    later(monkeypatch, hours=23)
    assert found() == []
    later(monkeypatch, hours=25)
    assert found() == [(f"sources/{NOBODY}/film.mp4 {begun['UploadId']}", "half-upload")]
    assert len(reconcile_bucket()) == 1
    (fixed,) = drift.remove_unused("ada")
    assert fixed.done
    assert found() == []


def test_a_master_that_is_gone_is_told() -> None:
    media, job = a_media(), finished(Status.completed)
    TranscodeJob.objects(job_id=job.job_id).update_one(set__media_id=media.media_id)
    put(keys.video(media.media_id, "720p", "a.m4s"))
    key = put(keys.master(media.media_id))
    media.update(set__master_key=key)
    assert found() == []
    get_storage().delete([key])
    assert found() == [(key, "master-missing")]


def test_a_look_is_kept_for_the_pages_until_something_is_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(f"work/{NOBODY}/a")
    later(monkeypatch, hours=2)
    a_media()
    assert bucket_look.kept() is None
    assert drift.overview().bucket_at is None
    assert [orphan.rule_id for orphan in reconcile_bucket()] == ["work-orphan"]
    assert there(f"work/{NOBODY}/")
    kept = bucket_look.kept()
    assert kept is not None
    assert kept.total == 1
    assert drift.overview().bucket_at == kept.looked_at
    bucket_look.remove(kept.orphans[0], "ada")
    after = bucket_look.kept()
    assert after is not None
    assert (after.total, after.orphans) == (0, [])


OTHERS = (
    "work/nobody/a",
    f"backup/sources/{NOBODY}/film.mp4",
    "sources/2024/raw/film.mp4",
    f"hls-old/{NOBODY}/master.m3u8",
    "film.mp4",
)


def test_files_and_half_uploads_of_others_are_never_looked_at(
    database: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in OTHERS:
        put(key)
        get_storage().writer(f"{key}.half", most=1).write(b"x" * 8 * 1024**2)
    later(monkeypatch, days=30)
    assert reconcile_bucket() == []


def test_below_a_prefix_only_that_is_looked_at(
    database: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(f"work/{NOBODY}/a")
    monkeypatch.setenv("DAILIES_KEY_PREFIX", "studio-a")
    get_settings.cache_clear()
    a_media()
    assert keys.work(NOBODY, "a") == f"studio-a/work/{NOBODY}/a"
    own = put(keys.work(NOBODY, "a"))
    ownership.claim(get_storage())
    get_storage().writer(keys.work(NOBODY, "half"), most=1).write(b"x" * 8 * 1024**2)
    later(monkeypatch, days=30)
    assert sorted(orphan.kind for orphan in reconcile_bucket()) == ["upload", "work"]
    (fixed,) = drift.fix(own.removesuffix("a"), "ada")
    assert fixed.done
    assert sorted(get_storage().list("")) == [
        "installation.json",
        "studio-a/installation.json",
        f"work/{NOBODY}/a",
    ]


def test_a_tenth_of_the_bucket_at_most_is_removed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(10):
        media = a_media()
        put(media.source_key)
    put(f"sources/{NOBODY}/film.mp4")
    later(monkeypatch, hours=2)
    reconcile_bucket()
    unused = drift.overview().unused
    assert (unused.kinds, unused.size, unused.refusal) == ({"source": 1}, 10, "")
    put(f"work/{NOBODY}/a")
    reconcile_bucket()
    assert "more than a tenth" in drift.overview().unused.refusal
    with pytest.raises(Conflict, match="more than a tenth"):
        drift.remove_unused("ada")
    drift.fix(f"work/{NOBODY}/", "ada")
    assert [fixed.done for fixed in drift.remove_unused("ada")] == [True]
    assert not there(f"sources/{NOBODY}/")


def test_with_an_empty_database_nothing_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    key = put(f"sources/{NOBODY}/film.mp4")
    later(monkeypatch, hours=2)
    (orphan,) = reconcile_bucket()
    with pytest.raises(Conflict, match="has no videos"):
        drift.remove_unused("ada")
    with pytest.raises(Conflict, match="has no videos"):
        drift.fix(orphan.ref, "ada")
    assert there(key)


def test_a_pass_does_not_wait_for_the_bucket(database: Servers) -> None:
    """While storage hangs, a lost message is sent again; the look is made when it answers."""
    stop = threading.Event()
    database.s3.freeze()
    watch = bucket_look.Watch(stop)
    watch.start()
    try:
        job = a_job()
        advance(job.job_id)
        database.redis_client.flushall()
        lost = Step.objects(transcode_id=job.job_id).get()
        Step._get_collection().update_many(
            {}, [{"$set": {"updated_at": {"$subtract": ["$$NOW", 60_000]}}}]
        )
        assert reconcile().made == [(lost.job_id, "message-lost")]
        assert bucket_look.kept() is None
        assert watch.is_alive()
        database.s3.thaw()
        until(bucket_look.kept, "a look at the bucket")
    finally:
        database.s3.thaw()
        stop.set()
        watch.join()
