"""Uploads whose workers die, and storage that refuses: no object is lost, none is put twice."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from tasks import keys
from tasks.control.actions import act
from tasks.infra.storage import get_storage
from tasks.jobs.allowed import Action
from tasks.jobs.attach import attach
from tasks.jobs.submit import submit
from tasks.media.plan import GROWING
from tasks.media.tools import Tools
from tasks.models import Kind, Status, Subtitle, TranscodeJob, UploadJob
from tests.recovery.conftest import frames_of
from tests.recovery.films import RENDITION, check_stream, put_in
from tests.recovery.paced import FAST
from tests.recovery.processes import Dailies, Worker
from tests.recovery.storage_proxy import StorageProxy, writes
from tests.recovery.waiting import claims, complete, finish, until
from tests.servers import Servers
from tests.tasks.rows import stream_key
from tests.up.running import all_gone

START = Callable[..., Dailies]
FILM = Callable[[int], Path]
CUE = b"1\n00:00:01,000 --> 00:00:02,000\nGuten Morgen, wie geht es Ihnen?\n"


def _job_with_subtitle(servers: Servers, clip: Path) -> TranscodeJob:
    media = put_in(servers, clip)
    attach(media, "film.srt", CUE, who="a test")
    return submit(media, who="a test")


def _upload(job: TranscodeJob, upload_type: str) -> UploadJob:
    found: UploadJob = UploadJob.objects(transcode_id=job.job_id, upload_type=upload_type).get()
    return found


def _kill(worker: Worker) -> None:
    family = worker.family()
    worker.process.kill()
    assert all_gone(family) == []
    worker.popen.wait()


def _fixed(written: Iterable[str]) -> list[str]:
    return [key for key in written if not key.endswith(f"/{GROWING}")]


def _check_objects(proxy: StorageProxy, job: TranscodeJob) -> None:
    """Everything that the stream needs was put exactly once, and nothing half remains.

    But for the playlists that grew while it was encoded.
    """
    subtitle = Subtitle.objects(media_id=job.media_id).get()
    published = get_storage().list(keys.video(job.media_id))
    assert keys.video(job.media_id, subtitle.folder, "seg_00000.vtt") in published
    put = Counter(_fixed(proxy.written(keys.video(job.media_id))))
    assert put == dict.fromkeys(_fixed(published), 1)
    assert [*get_storage().half_uploads()] == []


def test_uploads_of_killed_workers_go_on_where_they_stopped(
    empty: Servers, dailies: START, film: FILM, tools: Tools, tmp_path: Path
) -> None:
    with StorageProxy(empty.s3.url) as proxy:
        run = dailies(S3_ENDPOINT_URL=proxy.url)
        run.start("reconciler")
        workers = list(run.two_workers(pace=FAST))
        master = proxy.hold(writes("/master.m3u8"))
        playlist = proxy.hold(writes(f"/{RENDITION}/playlist.m3u8"))
        subtitle = proxy.hold(writes("/seg_00000.vtt"))
        job = _job_with_subtitle(empty, film(2))
        # Each of the two is in the middle of an upload: the last file of one, the first of another.
        playlist.reached()
        subtitle.reached()
        segments = _fixed(proxy.written(stream_key(job, RENDITION, "")))
        assert len(segments) == 3
        names = [worker.name for worker in workers]
        for worker in workers:
            _kill(worker)
        playlist.drop()
        subtitle.drop()

        workers = [run.worker(pace=FAST), run.worker(pace=FAST)]
        master.reached()
        busy = _upload(job, "master_playlist").lease.worker
        (victim,) = (worker for worker in workers if worker.name == busy)
        _kill(victim)
        master.drop()

        complete(job)
        for upload_type in ("hls", "subtitle", "master_playlist"):
            upload = _upload(job, upload_type)
            dead, alive = claims(upload)
            assert dead.who in (*names, busy)
            assert alive.who not in names
            why = [line.why for line in upload.history if line.who == "reconciler"]
            assert why == [f"Its worker {dead.who} went silent."]
            assert (upload.lost, upload.attempt) == (1, 2)
        check_stream(empty, tools, job, tmp_path, frames_of(2))
        _check_objects(proxy, job)


def test_a_key_that_storage_refuses_for_ever_fails_its_upload_alone(
    empty: Servers, dailies: START, film: FILM, tools: Tools, tmp_path: Path
) -> None:
    with StorageProxy(empty.s3.url) as proxy:
        run = dailies(S3_ENDPOINT_URL=proxy.url, DAILIES_MAX_ATTEMPTS="2")
        run.start("reconciler")
        run.worker(pace=FAST, threads=2)
        refusal = proxy.refuse(writes(f"{RENDITION}/seg_00001.m4s"), 403, "AccessDenied")
        subtitle = proxy.hold(writes("/seg_00000.vtt"))
        job = _job_with_subtitle(empty, film(2))
        failed = until(lambda: _over(job, "hls"), "the end of the upload", 60)
        assert (failed.status, failed.failed_reason) == (Status.failed, "storage")
        assert failed.error_message.startswith("Storage answered AccessDenied when asked to copy")
        # Each attempt asked once, and so did whoever published the segment while it was encoded.
        assert len(claims(failed)) == 2
        assert refusal.count > 2
        why = f"{RENDITION} failed to upload (storage: {failed.error_message.rstrip('.')})."

        # The other upload is still on its way.
        waits = until(lambda: _says(job, f"Waits: {why}"), "the master to say why it waits")
        assert (waits.status, waits.message_id) == (Status.waiting, None)
        subtitle.release()
        ended = finish(job)
        assert (ended.status, ended.failed_reason) == ("failed", "storage")
        assert ended.error_message == why
        assert _upload(job, "subtitle").status == Status.completed
        master = until(lambda: _over(job, "master_playlist"), "the end of the master")
        assert (master.status, master.attempt) == (Status.cancelled, 0)
        assert master.error_message == f"Its job failed: {why}"

        refusal.end()
        act(Kind.upload, Action.retry, failed.job_id, "a person")
        complete(job)
        check_stream(empty, tools, job, tmp_path, frames_of(2))
        _check_objects(proxy, job)


def _over(job: TranscodeJob, upload_type: str) -> UploadJob | None:
    upload = UploadJob.objects(transcode_id=job.job_id, upload_type=upload_type).first()
    return upload if upload is not None and upload.finished else None


def _says(job: TranscodeJob, why: str) -> UploadJob | None:
    master = _upload(job, "master_playlist")
    return master if master.waits_for == why else None
