"""A server forgets, hangs, or goes away in the middle of a job, and the job completes."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import requests

from tasks import keys
from tasks.infra.storage import get_storage
from tasks.media.plan import GROWING
from tasks.media.tools import Tools
from tasks.models import Status, TranscodeJob, UploadJob
from tasks.settings import Settings
from tests.recovery.conftest import frames_of
from tests.recovery.films import RENDITION, check_stream, job_of, put_in
from tests.recovery.paced import FAST
from tests.recovery.processes import Dailies
from tests.recovery.storage_proxy import StorageProxy, writes
from tests.recovery.waiting import answers, complete, encoding_chunk, reload, steps, until
from tests.servers import Servers
from webapp.cli.up.servers import free_port

START = Callable[..., Dailies]
FILM = Callable[[int], Path]
TOKEN = "the token of the recovery tests"


def _fixed(written: Iterable[str]) -> list[str]:
    """All but the playlists that grow while a film is encoded."""
    return [key for key in written if not key.endswith(f"/{GROWING}")]


def test_redis_forgets_everything(
    empty: Servers, dailies: START, film: FILM, tools: Tools, tmp_path: Path
) -> None:
    run = dailies()
    run.start("reconciler")
    worker = run.worker(pace=5)
    job = job_of(empty, film(3))
    encoding_chunk(job)
    queued = [step for step in steps(job) if step.status == Status.waiting and step.message_id]
    assert queued, "messages that can be lost"
    empty.redis_client.flushall()
    worker.hurry()

    complete(job)
    assert [step.attempt for step in steps(job)] == [1, 1, 1]
    check_stream(empty, tools, job, tmp_path, frames_of(3))


def test_mongodb_is_away_for_twenty_seconds_and_the_bucket_for_thirty(
    empty: Servers, dailies: START, film: FILM, tools: Tools, tmp_path: Path
) -> None:
    """MongoDB goes first and comes back first, so that each is also away while the other is not."""
    with StorageProxy(empty.s3.url) as proxy:
        # As shipped, retries are 5, 10 and 20 seconds apart: here more of them, and closer.
        retries = {"DAILIES_RETRY_MIN_SECONDS": "1", "DAILIES_MAX_ATTEMPTS": "8"}
        run = dailies(S3_ENDPOINT_URL=proxy.url, **retries)
        run.start("reconciler")
        worker = run.worker(pace=4, threads=2)
        hold = proxy.hold(writes(f"/{RENDITION}/playlist.m3u8"))
        uploading = job_of(empty, film(1))
        hold.reached()
        encoding = job_of(empty, film(2))
        encoding_chunk(encoding)
        empty.mongo.stop()
        mongo_back = time.monotonic() + 20
        # What it encoded is put, and cannot be written down.
        until(lambda: not worker.encoders(), "the end of the encoding")
        empty.s3.stop()
        bucket_back = time.monotonic() + 30
        hold.drop()
        _sleep_until(mongo_back)
        empty.mongo.start()
        _sleep_until(bucket_back)
        empty.s3.start()

        for job, segments in (uploading, 1), (encoding, 2):
            complete(job, 120)
            check_stream(empty, tools, job, tmp_path / job.job_id, frames_of(segments))
            put = _fixed(proxy.written(keys.video(job.media_id)))
            assert sorted(put) == sorted(_fixed(get_storage().list(keys.video(job.media_id))))
        assert [*get_storage().half_uploads()] == []
        upload = UploadJob.objects(transcode_id=uploading.job_id, upload_type="hls").get()
        why = [line.why for line in upload.history if line.status == Status.waiting and line.why]
        known = ("did not answer", "went silent")
        assert all(any(words in reason for words in known) for reason in why), why


def test_as_shipped_work_outlasts_thirty_seconds_without_storage() -> None:
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    retries = range(defaults["max_attempts"] - 1)
    assert sum(defaults["retry_min_seconds"] * 2**retry for retry in retries) > 30


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def test_a_hanging_mongodb_takes_no_work_away(
    empty: Servers, dailies: START, film: FILM, tools: Tools, tmp_path: Path
) -> None:
    run = dailies()
    run.start("reconciler")
    worker = run.worker(pace=2)
    job = job_of(empty, film(1))
    encoder = worker.hold(encoding_chunk(job))
    empty.mongo.freeze()
    # Longer than a lease: when it goes on, every lease has run out by its own clock.
    time.sleep(5)
    empty.mongo.thaw()
    encoder.resume()

    complete(job)
    assert [step.attempt for step in steps(job)] == [1]
    check_stream(empty, tools, job, tmp_path, frames_of(1))


def test_storage_refuses_every_third_request(
    empty: Servers, dailies: START, film: FILM, tools: Tools, tmp_path: Path
) -> None:
    with StorageProxy(empty.s3.url) as storage:
        refusal = storage.refuse(lambda request: request.number % 3 == 0, 503, "SlowDown")
        run = dailies(S3_ENDPOINT_URL=storage.url)
        run.start("reconciler")
        run.worker(pace=FAST, threads=2)
        job = job_of(empty, film(1))
        complete(job)
        assert refusal.count > 10
        check_stream(empty, tools, job, tmp_path, frames_of(1))


def test_redis_is_away_when_a_video_is_to_be_converted(
    empty: Servers, dailies: START, film: FILM, tools: Tools, tmp_path: Path
) -> None:
    port = free_port()
    run = dailies(PORT=str(port), DAILIES_API_TOKEN=TOKEN)
    run.start("web")
    run.start("reconciler")
    run.worker(pace=FAST)
    site = f"http://127.0.0.1:{port}"
    for away in (empty.redis.kill, empty.redis.freeze):
        until(lambda: answers(f"{site}/readyz"), "a dashboard that is ready")
        media = put_in(empty, film(1))
        away()
        reply = requests.post(
            f"{site}/api/upload/convert-to-hls/{media.media_id}",
            json={"s3Key": media.source_key},
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=60,
        )
        assert reply.status_code == 202, reply.text
        job = TranscodeJob.objects(media_id=media.media_id).get()
        assert reload(job).status == Status.waiting

        empty.redis.thaw()
        empty.redis.start()
        complete(job)
        check_stream(empty, tools, job, tmp_path / job.job_id, frames_of(1))
