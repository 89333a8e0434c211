"""Actions on upload jobs, held against what is in the bucket and in the master playlist."""

import pytest

from tasks import keys
from tasks.control.actions import act
from tasks.errors import StorageFailed
from tasks.infra.multipart_writer import PART_BYTES
from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.jobs.advance import advance
from tasks.jobs.allowed import Action
from tasks.models import Kind, Media, Status, Step, StepKind, Subtitle, TranscodeJob, UploadJob
from tests.tasks.rows import a_job, stream_key
from tests.tasks.uploading import (
    attached,
    do,
    do_uploads,
    fill_work_area,
    upload_of,
    uploading_job,
)

pytestmark = pytest.mark.usefixtures("database")

EDITOR = "editor@studio"
FAILURE = StorageFailed("Storage answered AccessDenied when asked to write a key.")


def published(*, subtitle: bool = False) -> TranscodeJob:
    """A completed job, whose stream is in the bucket."""
    job = uploading_job(subtitle=subtitle)
    do_uploads(job)
    done = reread(job)
    assert done.status == Status.completed
    return done


def reread(job: TranscodeJob) -> TranscodeJob:
    return lifecycle.find(TranscodeJob, job.job_id)


def master(job: TranscodeJob) -> str:
    return get_storage().get_bytes(keys.master(job.media_id)).decode()


def fail(upload: UploadJob) -> None:
    """Fails a waiting upload for good."""
    message_id = lifecycle.find(UploadJob, upload.job_id).message_id
    unit = lifecycle.claim(UploadJob, upload.job_id, message_id, "worker:1")
    assert unit is not None
    lifecycle.fail(unit, FAILURE)
    advance(upload.transcode_id)


class TestMaster:
    def test_it_says_what_it_waits_for(self) -> None:
        job = uploading_job("720p", "360p")
        waits = upload_of(job, "master_playlist")
        assert (waits.status, waits.message_id) == (Status.waiting, None)
        assert waits.waits_for == "Waits until all other files of the stream are in their place."

        fail(upload_of(job, rendition="720p"))

        why = f"720p failed to upload (storage: {FAILURE.sentence.rstrip('.')})."
        assert upload_of(job, "master_playlist").waits_for == f"Waits: {why}"
        assert reread(job).status == Status.active
        do_uploads(job)
        assert upload_of(job, rendition="360p").status == Status.completed
        assert (reread(job).status, reread(job).error_message) == (Status.failed, why)
        ended = upload_of(job, "master_playlist")
        assert (ended.status, ended.error_message) == (
            Status.cancelled,
            f"Its job failed: {why}",
        )

    def test_it_comes_along_when_the_upload_that_it_missed_is_retried(self) -> None:
        job = uploading_job("720p", "360p")
        failed = upload_of(job, rendition="720p")
        fail(failed)
        do_uploads(job)

        act(Kind.upload, Action.retry, failed.job_id, EDITOR)

        waits = upload_of(job, "master_playlist")
        assert (waits.status, waits.waits_for) == (
            Status.waiting,
            "Waits until all other files of the stream are in their place.",
        )
        do_uploads(job)
        assert reread(job).status == Status.completed
        assert upload_of(job, rendition="360p").attempt == 1

    def test_a_refresh_that_failed_does_not_fail_the_job_when_it_is_done_again(self) -> None:
        job = published()
        attached(Media.objects(media_id=job.media_id).get())
        do_uploads(job, "subtitle")
        refresh = UploadJob.objects(
            transcode_id=job.job_id, upload_type="master_playlist", status="waiting"
        ).get()
        fail(refresh)
        gone = stream_key(job, "720p", "playlist.m3u8")
        get_storage().delete([gone])
        act(Kind.transcode, Action.sync, job.job_id, EDITOR)
        assert reread(job).status == Status.failed

        fill_work_area(job)
        act(Kind.upload, Action.retry, upload_of(job).job_id, EDITOR)
        do_uploads(job)

        assert reread(job).status == Status.completed
        # In another stream: one that was complete is never changed.
        assert get_storage().head(gone) is None
        assert get_storage().head(stream_key(job, "720p", "playlist.m3u8")) is not None
        assert lifecycle.find(UploadJob, refresh.job_id).status == Status.failed
        act(Kind.upload, Action.retry, refresh.job_id, EDITOR)
        do_uploads(job)
        assert "SUBTITLES" in master(job)


def test_what_a_killed_worker_was_sending_goes_with_the_work_area() -> None:
    job = uploading_job()
    get_storage().writer(keys.work(job.job_id, "chunk", "half"), most=1).write(b"x" * PART_BYTES)
    assert len([*get_storage().half_uploads()]) == 1
    do_uploads(job)
    assert reread(job).status == Status.completed
    assert get_storage().list(keys.work(job.job_id)) == {}
    assert [*get_storage().half_uploads()] == []


class TestDelete:
    def test_outputs_of_a_subtitle_leave_the_master_first(self) -> None:
        job = published(subtitle=True)
        assert "SUBTITLES" in master(job)
        folder = Subtitle.objects.get().folder
        upload = upload_of(job, "subtitle")

        outcome = act(Kind.upload, Action.delete, upload.job_id, EDITOR, outputs=True)

        assert (outcome.data["rows"], outcome.data["files"]) == (1, 4)
        assert UploadJob.objects(job_id=upload.job_id).first() is None
        # Its files stay until no master names them.
        assert "SUBTITLES" in master(job)
        assert len(get_storage().list(keys.video(job.media_id, folder, ""))) == 4
        do_uploads(job)
        assert "SUBTITLES" not in master(job)
        assert get_storage().list(keys.video(job.media_id, folder, "")) == {}
        assert len(Subtitle.objects) == 0

    def test_the_row_alone_leaves_the_subtitle_to_viewers(self) -> None:
        job = published(subtitle=True)
        act(Kind.upload, Action.delete, upload_of(job, "subtitle").job_id, EDITOR)
        advance(job.job_id)
        assert UploadJob.objects(transcode_id=job.job_id, status="waiting").count() == 0
        assert "SUBTITLES" in master(job)

    def test_outputs_go_and_those_that_another_job_writes_stay(self) -> None:
        job = uploading_job()
        upload = upload_of(job)
        fail(upload)
        other = a_job(media_id=job.media_id)
        own, others = (stream_key(one, "720p", "seg_00000.m4s") for one in (job, other))
        for key in (own, others):
            get_storage().put_bytes(key, b"1")
        outcome = act(Kind.upload, Action.delete, upload.job_id, EDITOR, outputs=True)
        assert (outcome.data["rows"], outcome.data["files"]) == (1, 1)
        assert get_storage().head(own) is None
        assert get_storage().head(others) is not None


class TestSync:
    def test_a_subtitle_whose_files_are_gone_fails_and_leaves_the_master(self) -> None:
        job = published(subtitle=True)
        subtitle = Subtitle.objects.get()
        gone = keys.video(job.media_id, subtitle.folder, "seg_00001.vtt")
        get_storage().delete([gone])
        upload = upload_of(job, "subtitle")

        outcome = act(Kind.upload, Action.sync, upload.job_id, EDITOR)

        assert "1 file of the subtitle Deutsch is missing from the bucket." in outcome.sentence
        failed = upload_of(job, "subtitle")
        assert (failed.status, failed.failed_reason) == (Status.failed, "storage")
        assert failed.history[-1].who == EDITOR
        assert reread(job).status == Status.completed
        do_uploads(job, "master_playlist")
        assert "SUBTITLES" not in master(job)
        assert "missing" not in act(Kind.upload, Action.sync, upload.job_id, EDITOR).sentence

        act(Kind.upload, Action.retry, upload.job_id, EDITOR)
        do_uploads(job)
        assert get_storage().head(gone) is not None
        assert "SUBTITLES" in master(job)

    def test_a_subtitle_without_an_upload_row_is_put_again(self) -> None:
        job = published(subtitle=True)
        gone = keys.video(job.media_id, Subtitle.objects.get().folder, "playlist.m3u8")
        get_storage().delete([gone])
        UploadJob.objects(transcode_id=job.job_id, upload_type="subtitle").delete()
        assert "put again" in act(Kind.transcode, Action.sync, job.job_id, EDITOR).sentence
        do_uploads(job)
        assert get_storage().head(gone) is not None
        assert "SUBTITLES" in master(job)

    def test_a_completed_upload_of_a_failed_job_is_held_against_the_bucket(self) -> None:
        job = uploading_job("720p", "360p")
        fail(upload_of(job, rendition="720p"))
        do_uploads(job)
        done = upload_of(job, rendition="360p")
        assert "missing" not in act(Kind.upload, Action.sync, done.job_id, EDITOR).sentence
        get_storage().delete([stream_key(job, "360p", "init.mp4")])

        outcome = act(Kind.upload, Action.sync, done.job_id, EDITOR)

        assert "1 file of 360p is missing" in outcome.sentence
        assert upload_of(job, rendition="360p").status == Status.failed
        act(Kind.transcode, Action.retry, job.job_id, EDITOR)
        do_uploads(job)
        assert reread(job).status == Status.completed


class TestRetry:
    def test_what_its_completed_job_does_not_need_is_refused(self) -> None:
        job = published()
        upload = upload_of(job)
        lifecycle.disprove(upload, EDITOR, FAILURE)
        with pytest.raises(lifecycle.Conflict, match="completed without it"):
            act(Kind.upload, Action.retry, upload.job_id, EDITOR)
        assert upload_of(job).status == Status.failed

    def test_what_has_lost_its_job_is_refused(self) -> None:
        job = uploading_job()
        upload = upload_of(job)
        fail(upload)
        TranscodeJob.objects(job_id=job.job_id).delete()
        with pytest.raises(lifecycle.Conflict, match="was deleted"):
            act(Kind.upload, Action.retry, upload.job_id, EDITOR)

    def test_a_late_subtitle_of_a_completed_job_is_done_again(self) -> None:
        job = published()
        attached(Media.objects(media_id=job.media_id).get())
        upload = upload_of(job, "subtitle")
        fail(upload)
        outcome = act(Kind.upload, Action.retry, upload.job_id, EDITOR)
        assert outcome.sentence == "Waits to be done again."
        do(upload_of(job, "subtitle"))
        do_uploads(job)
        assert "SUBTITLES" in master(job)

    @pytest.mark.parametrize("steps", ["cancelled", "gone"])
    def test_where_files_have_to_be_made_again_its_job_makes_them(self, steps: str) -> None:
        job = uploading_job()
        upload = upload_of(job)
        merge = Step.objects(transcode_id=job.job_id, kind=StepKind.MERGE.value).get()
        if steps == "cancelled":
            lifecycle.redo(merge, "Its files are gone.")
            lifecycle.cancel(Step, merge.job_id, EDITOR)
        else:
            Step.objects(transcode_id=job.job_id).delete()
        fail(upload)
        lifecycle.fail_jobs({job.job_id: FAILURE})

        outcome = act(Kind.upload, Action.retry, upload.job_id, EDITOR)

        assert outcome.sentence == "Waits until its transcode job has made its files again."
        assert upload_of(job).status == Status.waiting
        assert reread(job).status in (Status.waiting, Status.active)
        kind = StepKind.MERGE if steps == "cancelled" else StepKind.SPLIT
        step = Step.objects(transcode_id=job.job_id, kind=kind.value).get()
        assert step.status == Status.waiting
        assert step.message_id is not None
