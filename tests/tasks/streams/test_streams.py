"""Which stream of a media is live, and what of others may be touched."""

from datetime import timedelta
from typing import Any

import pytest

from tasks import keys, streams
from tasks.control.actions import act, act_many
from tasks.control.request import Request, Result
from tasks.errors import EncoderFailed, Stopped
from tasks.infra.storage import Storage, get_storage
from tasks.jobs import lifecycle
from tasks.jobs.allowed import Action
from tasks.models import AuditEntry, Kind, Media, Status, Stream, TranscodeJob, UploadJob
from tasks.models.clock import now
from tasks.recovery import bucket_look, orphans
from tests.tasks.rows import a_job, a_media, an_upload, claimed, stream_key
from tests.tasks.streams.encodings import (
    MASTER,
    a_published,
    encode,
    live_id,
    played,
    publish,
    stream_of,
)

pytestmark = pytest.mark.usefixtures("database")

EDITOR = "ada@example.com"


def given_up(media: Media, how: Status = Status.failed) -> TranscodeJob:
    """A job of a media that ended half way: some files are in its stream and its work area."""
    job = a_job(media_id=media.media_id, renditions=[{"name": "720p"}], plan={"chunks": [{}]})
    lifecycle.activate(job.job_id)
    upload = an_upload(job)
    folder = stream_key(job, "720p", "")
    UploadJob.objects(job_id=upload.job_id).update(upload_path=folder)
    get_storage().put_bytes(f"{folder}seg_00000.m4s", b"half")
    get_storage().put_bytes(keys.work(job.job_id, "chunk", "a"), b"half")
    lifecycle.fail(claimed(upload), EncoderFailed("It stumbled."))
    if how is Status.failed:
        lifecycle.fail_jobs({job.job_id: EncoderFailed("It stumbled.")})
    else:
        lifecycle.cancel(TranscodeJob, job.job_id, EDITOR)
    return lifecycle.find(TranscodeJob, job.job_id)


def by_hand(job: TranscodeJob) -> None:
    act(Kind.transcode, Action.cleanup, job.job_id, EDITOR)


def in_bulk(job: TranscodeJob) -> None:
    request = Request(Kind.transcode, Action.cleanup, EDITOR, operation="an operation")
    assert act_many(request, [job.job_id])[job.job_id].result is Result.done


def of_an_upload(job: TranscodeJob) -> None:
    act(Kind.upload, Action.cleanup, f"{job.job_id}.upload.720p", EDITOR)


def with_outputs(job: TranscodeJob) -> None:
    act(Kind.transcode, Action.delete, job.job_id, EDITOR, outputs=True)


def upload_with_outputs(job: TranscodeJob) -> None:
    act(Kind.upload, Action.delete, f"{job.job_id}.upload.720p", EDITOR, outputs=True)


def by_rule(job: TranscodeJob) -> None:
    """A week later, with nobody asking."""
    old = now() - timedelta(days=8)
    TranscodeJob._get_collection().update_one(
        {"job_id": job.job_id}, {"$set": {"finished_at": old}}
    )
    with pytest.MonkeyPatch.context() as patch:
        later = now() + timedelta(days=8)
        patch.setattr(orphans, "now", lambda: later)
        bucket_look.look()
    assert get_storage().list(keys.work(job.job_id)) == {}


@pytest.mark.parametrize(
    ("how", "remove"),
    [
        (Status.failed, by_hand),
        (Status.cancelled, in_bulk),
        (Status.failed, of_an_upload),
        (Status.cancelled, by_rule),
        (Status.cancelled, with_outputs),
        (Status.failed, upload_with_outputs),
    ],
)
def test_what_is_removed_of_one_job_is_never_of_another(how: Status, remove: Any) -> None:
    media = a_media()
    old = given_up(media, how)
    live = a_published(media)
    building = a_job(media_id=media.media_id, renditions=[{"name": "720p"}])
    encode(building)

    remove(old)

    assert get_storage().head(stream_key(building, "720p", "seg_00000.m4s")) is not None
    assert played(media.media_id) == stream_of(live).stream_id
    row = Media.objects(media_id=media.media_id).get()
    assert row.master_key == keys.master(media.media_id)
    assert set(row.renditions) == {"720p"}
    # The job under way completes with all its files, and is what people get then.
    assert publish(building)
    assert played(media.media_id) == stream_of(building).stream_id


def test_a_retry_after_a_clean_up_builds_another_stream() -> None:
    media = a_media()
    job = given_up(media)
    before = stream_of(job)
    lifecycle.retry(TranscodeJob, job.job_id, EDITOR)
    assert streams.of_job(lifecycle.find(TranscodeJob, job.job_id)).stream_id == before.stream_id
    lifecycle.cancel(TranscodeJob, job.job_id, EDITOR)
    by_hand(job)
    lifecycle.retry(TranscodeJob, job.job_id, EDITOR)

    again = streams.of_job(lifecycle.find(TranscodeJob, job.job_id))

    assert again.stream_id != before.stream_id
    assert Stream.objects(stream_id=before.stream_id).get().state == "removed"
    # Who was paused meanwhile knows the job as it was, and gets neither the old nor the new one.
    with pytest.raises(Stopped, match="was removed"):
        streams.of_job(job)
    assert streams.complete(before, job, master=MASTER, files={}) is None


def test_the_newest_job_that_was_asked_for_wins() -> None:
    media = a_media()
    first, second = (
        a_job(media_id=media.media_id, renditions=[{"name": "720p"}]) for _ in range(2)
    )
    assert publish(second)
    assert not publish(first)
    assert played(media.media_id) == stream_of(second).stream_id
    assert [stream.state for stream in streams.of_media(media)] == ["live", "retired"]
    # A person may go back, and a worker that completes the second once more does not overrule them.
    streams.publish(media.media_id, stream_of(first).stream_id, EDITOR)
    assert played(media.media_id) == stream_of(first).stream_id
    assert not streams.publish_newest(stream_of(second))
    assert played(media.media_id) == stream_of(first).stream_id == live_id(media.media_id)
    [entry] = AuditEntry.objects(action="stream.publish")
    assert (entry.who, entry.target) == (EDITOR, media.media_id)
    third = a_published(media)
    assert played(media.media_id) == stream_of(third).stream_id


def test_deleting_the_live_stream_s_job_with_outputs_retires_it_and_it_can_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = a_published()
    stream = stream_of(job)
    outcome = act(Kind.transcode, Action.delete, job.job_id, EDITOR, outputs=True)
    assert outcome.data["retiredStreams"] == 1
    assert played(job.media_id) is None
    media = Media.objects(media_id=job.media_id).get()
    assert (media.master_key, media.renditions, media.live_stream) == (None, {}, None)
    streams.publish(job.media_id, stream.stream_id, EDITOR)
    assert played(job.media_id) == stream.stream_id
    streams.unpublish([job.media_id])
    assert streams.remove_files(stream) is None
    later = now() + timedelta(hours=25)
    monkeypatch.setattr("tasks.streams.removal.now", lambda: later)
    assert streams.remove_files(stream) == 5
    assert get_storage().list(keys.video(job.media_id)) == {}
    with pytest.raises(streams.NoSuchStream):
        streams.publish(job.media_id, stream.stream_id, EDITOR)


def test_what_is_incomplete_or_lacks_files_is_not_published() -> None:
    live = a_published()
    building = a_job(media_id=live.media_id)
    with pytest.raises(streams.NotPublishable, match="not complete"):
        streams.publish(live.media_id, streams.of_job(building).stream_id, EDITOR)
    other = a_published(Media.objects(media_id=live.media_id).get())
    get_storage().delete([stream_key(live, "720p", "init.mp4")])
    with pytest.raises(streams.NotPublishable, match="are gone"):
        streams.publish(live.media_id, stream_of(live).stream_id, EDITOR)
    assert played(live.media_id) == stream_of(other).stream_id


def test_of_two_who_publish_at_once_the_master_is_what_the_row_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The slower one writes its master after the faster one has published and written its own."""
    media = a_media()
    slow, fast = (a_job(media_id=media.media_id, renditions=[{"name": "720p"}]) for _ in range(2))
    put = Storage.put_bytes
    overtaken: list[str] = []

    def late(storage: Storage, key: str, *args: Any) -> None:
        if key == keys.master(media.media_id) and not overtaken:
            overtaken.append(key)
            assert publish(fast)
        put(storage, key, *args)

    monkeypatch.setattr(Storage, "put_bytes", late)
    publish(slow)
    assert overtaken
    assert played(media.media_id) == stream_of(fast).stream_id == live_id(media.media_id)


def test_a_stream_of_an_earlier_version_is_served_until_it_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    media = a_media()
    old = {keys.video(media.media_id, f"720p/{name}"): b"old" for name in ("a.m4s", "b.m4s")}
    subtitle = keys.video(media.media_id, "subtitles/de-1/playlist.m3u8")
    for key, data in {**old, keys.master(media.media_id): MASTER.encode(), subtitle: b"x"}.items():
        get_storage().put_bytes(key, data)
    playlist = keys.video(media.media_id, "720p", "playlist.m3u8")
    media.update(master_key=keys.master(media.media_id), renditions={"720p": playlist})
    media.reload()
    [adopted] = streams.of_media(media)
    assert (adopted.state, adopted.folder, adopted.complete_at is not None) == ("live", "", True)
    assert Media.objects(media_id=media.media_id).get().renditions == {"720p": playlist}

    job = a_published(media)

    assert played(media.media_id) == stream_of(job).stream_id
    streams.publish(media.media_id, adopted.stream_id, EDITOR)
    assert get_storage().get_bytes(keys.master(media.media_id)) == MASTER.encode()
    streams.publish(media.media_id, stream_of(job).stream_id, EDITOR)
    later = now() + timedelta(hours=25)
    monkeypatch.setattr("tasks.streams.removal.now", lambda: later)
    assert streams.remove_files(adopted) == 2
    assert played(media.media_id) == stream_of(job).stream_id
    assert get_storage().head(subtitle) is not None
