"""Subtitles through real worker processes: out of the source, attached, broken, late, deleted."""

import pytest

from tasks import keys
from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.jobs.advance import advance
from tasks.jobs.attach import remove
from tasks.jobs.submit import submit
from tasks.models import JobLogLine, Media, Status, Subtitle, TranscodeJob, UploadJob
from tasks.queue import broker
from tasks.recovery.reconciler import reconcile
from tasks.subtitles.changes import mark_due
from tests.recovery.waiting import until
from tests.subtitles.conftest import BROKEN
from tests.subtitles.films import (
    GERMAN,
    SECONDS,
    attached,
    bucket,
    finished,
    master_of,
    master_text,
    offers,
    tracks_in,
    upload_of,
)

FIRST = ("Deutsch", "Español", "Deutsch 2")


def row(media: Media, **fields: object) -> Subtitle:
    found: Subtitle = Subtitle.objects(media_id=media.media_id, **fields).get()
    return found


def rest(media: Media, *names: str) -> None:
    """Waits until the master offers these tracks and nothing is due any more."""
    until(lambda: offers(media, *names), f"a master with {names}")
    until(lambda: Media.objects(media_id=media.media_id, subtitles_due=None).first(), "rest")


def test_tracks_of_the_source_and_attached_files_are_in_the_master(stream: Media) -> None:
    tracks = tracks_in(stream)
    assert list(tracks) == list(FIRST)
    assert [t.language for t in tracks.values()] == ["de", "es", "de"]
    groups = {p.stream_info.subtitles for p in master_of(stream).playlists}
    assert groups == {t.group_id for t in tracks.values()} == {"subtitles"}
    assert stream.subtitle_languages == ["de", "es"]
    job = TranscodeJob.objects(media_id=stream.media_id).get()
    assert job.subtitle_languages == ["de", "es"]
    # A track without a cue is no subtitle.
    assert Subtitle.objects(media_id=stream.media_id, origin="source").count() == 2


def test_a_track_of_the_source_is_segmented_to_the_film_s_length(stream: Media) -> None:
    folder = tracks_in(stream)["Deutsch"].uri.removesuffix("/playlist.m3u8")
    assert folder.startswith("subtitles/de-")
    files = bucket(stream, folder)
    assert set(files) == {"playlist.m3u8", "seg_00000.vtt", "seg_00001.vtt", "subtitles.vtt"}
    lengths = [line[8:-1] for line in files["playlist.m3u8"].split("\n") if "#EXTINF" in line]
    assert sum(float(length) for length in lengths) == pytest.approx(stream.duration, abs=0.001)
    assert stream.duration == SECONDS
    seam = "00:00:58.500 --> 00:01:01.250\nÜber die Naht &amp; weiter"
    assert all(seam in files[name] for name in ("seg_00000.vtt", "seg_00001.vtt"))
    assert files["seg_00001.vtt"].count("-->") == 2
    assert files["subtitles.vtt"].count("-->") == len(GERMAN)


def test_each_subtitle_has_an_upload_job_of_its_own(stream: Media) -> None:
    job = TranscodeJob.objects(media_id=stream.media_id).get()
    source = row(stream, stream_index=2)
    upload = upload_of(source, Status.completed)
    assert upload.transcode_id == job.job_id
    assert upload.job_type == upload.queue_name == broker.UPLOAD_SUBTITLE == "upload-subtitle-to-s3"
    assert (upload.upload_type, upload.content_type) == ("subtitle", "subtitle")
    assert (upload.language, upload.subtitle_languages) == ("de", ["de"])
    assert upload.subtitle_path == source.source_key
    assert upload.upload_path == keys.video(stream.media_id, source.folder, "")
    assert (upload.files_done, upload.files_total) == (4, 4)
    assert (
        upload.bytes_done
        == upload.bytes_total
        == sum(info.size for info in get_storage().list(upload.upload_path).values())
    )
    assert upload.subtitle_metadata["cues"] == len(GERMAN)
    other = upload_of(row(stream, filename="tides.srt")).subtitle_metadata
    assert (other["language"], other["label"], other["detected"]) == ("de", "Deutsch", True)
    assert (other["format"], other["encoding"]) == ("srt", "cp1252")
    assert upload_of(row(stream, stream_index=3)).language == "es"


def test_a_broken_file_fails_its_own_upload_with_line_and_reason(stream: Media) -> None:
    broken = row(stream, filename="broken.srt")
    upload = upload_of(broken, Status.failed)
    assert upload.failed_reason == "bad_input"
    assert upload.error_message.startswith("Line 2: here should be times like")
    assert upload.attempt == 1
    assert broken.problem == upload.error_message
    master = UploadJob.objects(job_id=f"{upload.transcode_id}.upload.master").get()
    assert master.subtitle_languages == ["de", "es"]
    assert upload.finished_at <= master.started_at

    lifecycle.retry(UploadJob, upload.job_id, "a test")
    advance(upload.transcode_id)
    again = upload_of(broken, Status.failed)
    assert again.error_message == upload.error_message
    assert offers(stream, *FIRST)


def test_a_subtitle_that_comes_after_the_job_is_added_and_taken_away_again(stream: Media) -> None:
    before = master_text(stream)
    late = attached(stream, "Доброе утро, как вы сегодня? Надеюсь, хорошо.", "koi8-r")
    rest(stream, *FIRST, "Русский")
    assert TranscodeJob.objects(media_id=stream.media_id).get().status == Status.completed
    late.reload()
    masters = UploadJob.objects(media_id=stream.media_id, upload_type="master_playlist")
    newest = masters.order_by("-created_at").first()
    assert newest.subtitle_languages == ["de", "es", "ru"]
    assert newest.started_at >= upload_of(late).finished_at
    assert bucket(stream, late.folder)["seg_00000.vtt"].endswith("Надеюсь, хорошо.\n")

    remove(stream.media_id, late.subtitle_id, "a test")
    rest(stream, *FIRST)
    until(lambda: not Subtitle.objects(subtitle_id=late.subtitle_id), "its row gone")
    assert bucket(stream, late.folder) == {}
    assert get_storage().list(keys.subtitle_source(stream.media_id, late.subtitle_id)) == {}
    assert master_text(stream) == before
    with pytest.raises(lifecycle.NotFound):
        remove(stream.media_id, late.subtitle_id, "a test")


def test_a_late_broken_subtitle_leaves_the_stream_alone(stream: Media) -> None:
    before = master_text(stream)
    masters = UploadJob.objects(media_id=stream.media_id, upload_type="master_playlist")
    count = masters.count()
    late = attached(stream, BROKEN, filename="late.vtt")
    upload = upload_of(late, Status.failed)
    assert upload.error_message.startswith("Line 2: here should be times")
    until(lambda: Media.objects(media_id=stream.media_id, subtitles_due=None).first(), "rest")
    assert masters.count() == count
    assert master_text(stream) == before
    remove(stream.media_id, late.subtitle_id, "a test")
    assert Subtitle.objects(subtitle_id=late.subtitle_id).first() is None


def test_a_subtitle_joins_a_stream_whose_job_rows_were_deleted(stream: Media) -> None:
    jobs = TranscodeJob.objects(media_id=stream.media_id)
    kept = [job.to_mongo() for job in jobs]
    uploads = UploadJob.objects(media_id=stream.media_id)
    rows = [upload.to_mongo() for upload in uploads]
    jobs.delete()
    uploads.delete()
    try:
        late = attached(stream, "おはようございます。今日はお元気ですか。", "shift_jis")
        rest(stream, *FIRST, "日本語")
        remove(stream.media_id, late.subtitle_id, "a test")
        rest(stream, *FIRST)
    finally:
        TranscodeJob._get_collection().insert_many(kept)
        UploadJob._get_collection().insert_many(rows)


def test_of_a_damaged_file_what_can_be_read_is_taken_and_the_rest_is_said(stream: Media) -> None:
    cue = "{0}\n00:00:{0:02},000 --> 00:00:{0:02},900\nDobar dan, kako ste danas?\n\n"
    cues = [cue.format(number) for number in range(1, 31)]
    broken = [text.replace(" --> ", " to ") if 3 < n < 28 else text for n, text in enumerate(cues)]
    late = attached(stream, "".join(broken).encode(), filename="damaged.srt", language="hr")
    upload = upload_of(late, Status.completed)
    rest(stream, *FIRST, "Hrvatski")
    late.reload()
    assert late.cues == upload.subtitle_metadata["cues"] == 6
    assert late.left_out == upload.subtitle_metadata["leftOut"]
    assert late.left_out[0].startswith("Line 18: here should be times like")
    assert late.left_out[-1] == "And 4 more, which the job's log has."
    said = JobLogLine.objects(job_id=upload.transcode_id, message__contains="damaged.srt")
    (line,) = [line for line in said if "left out" in line.message]
    assert line.level == "warning"
    assert [text.split(":")[0] for text in line.detail.split("\n")][-1] == "Line 110"
    remove(stream.media_id, late.subtitle_id, "a test")
    rest(stream, *FIRST)


def test_whatever_a_crash_left_undone_is_seen_to_by_whoever_advances(stream: Media) -> None:
    """Rows as they are when a process dies right after each of its writes."""
    job = TranscodeJob.objects(media_id=stream.media_id).get()
    late = attached(stream, "Bonjour, comment allez-vous aujourd'hui, mon ami ?")
    rest(stream, *FIRST, "Français")
    # Published, and the master was never told.
    master = master_text(stream)
    Media.objects(media_id=stream.media_id).update_one(pull__master_subtitles=late.subtitle_id)
    advance(job.job_id)
    rest(stream, *FIRST, "Français")
    # The row of the subtitle, and nothing else.
    UploadJob.objects(subtitle_id=late.subtitle_id).delete()
    Subtitle.objects(subtitle_id=late.subtitle_id).update(
        unset__published_at=True, unset__upload_for=True, unset__folder=True
    )
    advance(job.job_id)
    rest(stream, *FIRST, "Français")
    assert master_text(stream) == master
    # Deleted, and nobody went on.
    Subtitle.objects(subtitle_id=late.subtitle_id).update(set__removed_at=late.created_at)
    advance(job.job_id)
    rest(stream, *FIRST)
    until(lambda: not Subtitle.objects(subtitle_id=late.subtitle_id), "its row gone")


def test_files_that_vanished_are_not_offered(stream: Media) -> None:
    late = attached(stream, "Good morning, how are you today, my old friend?")
    rest(stream, *FIRST, "English")
    late.reload()
    get_storage().delete_prefix(keys.video(stream.media_id, late.folder, ""))
    other = attached(stream, "God morgon, hur mår du i dag? Jag hoppas att du mår bra.")
    rest(stream, *FIRST, "Svenska")
    assert row(stream, subtitle_id=late.subtitle_id).problem.startswith("Its files are not in")
    for gone in (late, other):
        remove(stream.media_id, gone.subtitle_id, "a test")
    rest(stream, *FIRST)


def test_a_film_that_turns_out_longer_gets_its_tracks_cut_anew(stream: Media) -> None:
    attached_one = row(stream, filename="tides.srt")
    attached_one.update(set__film_seconds=12.0)
    second = finished(submit(stream, who="a test"))
    rest(stream, *FIRST)
    # By its id: a list by status may meet a row twice that changes meanwhile.
    again = UploadJob.objects(
        job_id=f"{second.job_id}.upload.subtitle.{attached_one.subtitle_id}"
    ).get()
    assert again.status == Status.completed
    attached_one.reload()
    assert attached_one.film_seconds == SECONDS
    TranscodeJob.objects(job_id=second.job_id).delete()
    UploadJob.objects(transcode_id=second.job_id).delete()


def test_the_reconciler_goes_on_where_a_dead_process_stopped(stream: Media) -> None:
    late = attached(stream, "Dobrý den, jak se dnes máte? Doufám, že se máte dobře.")
    rest(stream, *FIRST, "Čeština")
    # Noted as deleted, and the process was gone.
    Subtitle.objects(subtitle_id=late.subtitle_id).update(set__removed_at=late.created_at)
    mark_due(stream.media_id)
    reconcile()
    rest(stream, *FIRST)
    until(lambda: not Subtitle.objects(subtitle_id=late.subtitle_id), "its row gone")
    assert reconcile().made == []


def test_a_failed_job_of_a_film_that_can_be_watched_keeps_no_subtitle_from_it(
    stream: Media,
) -> None:
    first = TranscodeJob.objects(media_id=stream.media_id).get()
    second = submit(stream, who="a test")
    late = attached(stream, "Buongiorno, come sta oggi? Spero che lei stia bene, signora.")
    lifecycle.cancel(TranscodeJob, second.job_id, "a test")
    advance(second.job_id)
    rest(stream, *FIRST, "Italiano")
    assert upload_of(late).transcode_id == first.job_id
    remove(stream.media_id, late.subtitle_id, "a test")
    rest(stream, *FIRST)
    TranscodeJob.objects(job_id=second.job_id).delete()


def test_another_job_of_the_same_film_keeps_its_subtitles(
    stream: Media, made: dict[str, Media]
) -> None:
    made.clear()  # other tests count on one job
    folders = {t.uri for t in tracks_in(stream).values()}
    first = TranscodeJob.objects(media_id=stream.media_id).get()
    second = finished(submit(stream, who="a test"))
    assert second.job_id != first.job_id
    rest(stream, *FIRST)
    assert {t.uri for t in tracks_in(stream).values()} == folders
    assert second.subtitle_languages == ["de", "es"]
    # What was in the stream is not sent again; what was broken is tried again, and fails again.
    again = UploadJob.objects(transcode_id=second.job_id, upload_type="subtitle").get()
    assert again.status == Status.failed
