"""Streams, masters and rows that disagree: one look finds it, and repairs what it can."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tasks import keys, streams
from tasks.infra.storage import get_storage
from tasks.models import Media, Repair, Stream, TranscodeJob
from tasks.models.clock import now
from tasks.recovery import bucket_look, drift, stream_files
from tasks.recovery.reconciler import reconcile
from tests.tasks.rows import a_job, a_media, stream_key
from tests.tasks.streams.encodings import a_published, encode, live_id, played, stream_of

pytestmark = pytest.mark.usefixtures("database")

Break = Callable[[TranscodeJob, TranscodeJob], object]


def later(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    moment = now() + timedelta(**by)
    for module in (stream_files, streams.removal):
        monkeypatch.setattr(module, "now", lambda: moment)


def no_master(_old: TranscodeJob, live: TranscodeJob) -> None:
    get_storage().delete([keys.master(live.media_id)])


def another_master(old: TranscodeJob, live: TranscodeJob) -> None:
    text = f"#EXTM3U\n{stream_of(old).folder}/720p/playlist.m3u8\n"
    get_storage().put_bytes(keys.master(live.media_id), text.encode())


def killed_before_the_master(old: TranscodeJob, live: TranscodeJob) -> None:
    """The row says that another stream is live, and whoever published it wrote nothing more."""
    before = now() - timedelta(minutes=1)
    Media.objects(media_id=live.media_id).update(
        set__live_stream=stream_of(old).stream_id, set__master_due=before
    )


def row_of_no_stream(_old: TranscodeJob, live: TranscodeJob) -> None:
    stream = stream_of(live)
    get_storage().delete_prefix(streams.prefix(stream))
    stream.delete()


def files_gone(_old: TranscodeJob, live: TranscodeJob) -> None:
    get_storage().delete_prefix(stream_key(live))


def one_file_gone(_old: TranscodeJob, live: TranscodeJob) -> None:
    get_storage().delete([stream_key(live, "720p", "seg_00001.m4s")])


@pytest.mark.parametrize(
    ("breaks", "rules", "back_to_old"),
    [
        (no_master, {"master-missing"}, False),
        (another_master, {"master-differs"}, False),
        (
            killed_before_the_master,
            {"master-differs", "stream-not-live", "stream-live-unsaid"},
            True,
        ),
        (row_of_no_stream, {"live-row-missing"}, True),
        (files_gone, {"live-files-missing"}, True),
        (one_file_gone, {"live-files-missing"}, True),
    ],
)
def test_one_look_mends_what_players_are_given(
    breaks: Break, rules: set[str], back_to_old: bool
) -> None:
    media = a_media()
    old, live = a_published(media), a_published(media)
    assert list(stream_files.find()) == []
    wanted = stream_of(old if back_to_old else live).stream_id
    breaks(old, live)
    found = list(stream_files.find())
    assert {orphan.rule_id for orphan in found} == rules
    assert {entry.rule for entry in drift.find_drift()} == rules

    bucket_look.look()

    assert played(media.media_id) == wanted == live_id(media.media_id)
    assert Stream.objects(stream_id=wanted).get().state == "live"
    assert {repair.rule for repair in Repair.objects} <= rules
    assert list(stream_files.find()) == []


def test_a_pass_writes_the_master_of_who_was_killed() -> None:
    media = a_media()
    old, live = a_published(media), a_published(media)
    killed_before_the_master(old, live)
    assert reconcile().made == [(keys.master(media.media_id), "master-differs")]
    assert played(media.media_id) == stream_of(old).stream_id
    assert reconcile().made == []


def test_without_another_stream_a_broken_one_waits_for_a_person() -> None:
    """An empty bucket may be the wrong bucket: nothing is taken off or forgotten by itself."""
    job = a_published()
    get_storage().delete_prefix(stream_key(job))
    left = bucket_look.look().orphans
    assert [(orphan.rule_id, orphan.transcode_id) for orphan in left] == [
        ("live-files-missing", job.job_id)
    ]
    assert live_id(job.media_id) == stream_of(job).stream_id


def test_what_is_left_of_streams_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    media = a_media()
    old, live = a_published(media), a_published(media)
    left = a_job(media_id=media.media_id)
    encode(left)
    TranscodeJob.objects(job_id=left.job_id).delete()
    going = a_job(media_id=media.media_id)
    encode(going)
    kept = a_job(media_id=media.media_id)
    encode(kept)
    folder = keys.stream(media.media_id, "0123456789ab", "")
    get_storage().put_bytes(f"{folder}720p/seg_00000.m4s", b"of nobody")
    streams.abandon([going.job_id])
    removed = stream_of(going)
    assert {orphan.rule_id for orphan in stream_files.find()} == {"stream-left"}
    later(monkeypatch, hours=2)
    assert {orphan.rule_id for orphan in stream_files.find()} == {
        *("stream-left", "stream-abandoned", "stream-orphan")
    }
    later(monkeypatch, hours=25)

    look = bucket_look.look()

    assert [orphan.rule_id for orphan in look.orphans] == ["stream-orphan"]
    rows = {stream.stream_id: stream.state for stream in Stream.objects}
    assert rows == {
        stream_of(old).stream_id: "removed",
        stream_of(live).stream_id: "live",
        stream_of(kept).stream_id: "building",
        removed.stream_id: "removed",
        Stream.objects(job_id=left.job_id).get().stream_id: "removed",
    }
    assert played(media.media_id) == stream_of(live).stream_id
    assert get_storage().head(stream_key(kept, "720p", "init.mp4")) is not None
    folders = set(get_storage().folders(keys.video(media.media_id)))
    assert folders == {stream_of(live).folder, stream_of(kept).folder, "0123456789ab"}
    (fixed,) = drift.fix(folder, "ada")
    assert fixed.done
    assert list(stream_files.find()) == []
    # A worker that was paused goes on in what was removed long ago.
    get_storage().put_bytes(f"{streams.prefix(removed)}720p/seg_00001.m4s", b"late")
    assert [orphan.rule_id for orphan in stream_files.find()] == ["stream-left"]
    bucket_look.look()
    assert list(stream_files.find()) == []
