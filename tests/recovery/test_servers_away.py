"""A server forgets, hangs, or goes away in the middle of a job, and the job completes."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tasks.media.tools import Tools
from tasks.models import Status, TranscodeJob
from tests.recovery.conftest import frames_of
from tests.recovery.films import check_stream, job_of, put_in
from tests.recovery.paced import FAST
from tests.recovery.processes import Dailies
from tests.recovery.storage_proxy import StorageProxy
from tests.recovery.waiting import complete, encoding_chunk, reload, steps, until
from tests.servers import Servers
from webapp.up.servers import free_port

START = Callable[..., Dailies]
FILM = Callable[[int], Path]
TOKEN = "the token of the recovery tests"


def test_redis_forgets_everything(
    empty: Servers, dailies: START, film: FILM, tools: Tools, tmp_path: Path
) -> None:
    run = dailies()
    run.start("reconciler")
    run.worker(pace=5)
    job = job_of(empty, film(3))
    encoding_chunk(job)
    queued = [step for step in steps(job) if step.status == Status.waiting and step.message_id]
    assert queued, "messages that can be lost"
    empty.redis_client.flushall()

    complete(job)
    assert [step.attempt for step in steps(job)] == [1, 1, 1]
    check_stream(empty, tools, job, tmp_path, frames_of(3))


def test_mongodb_is_stopped_for_twenty_seconds(
    empty: Servers, dailies: START, film: FILM, tools: Tools, tmp_path: Path
) -> None:
    run = dailies()
    run.start("reconciler")
    run.worker(pace=4)
    job = job_of(empty, film(2))
    encoding_chunk(job)
    empty.mongo.stop()
    time.sleep(20)
    empty.mongo.start()

    complete(job)
    check_stream(empty, tools, job, tmp_path, frames_of(2))


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


@pytest.mark.parametrize("away", ["gone", "hanging"])
def test_redis_is_away_when_a_video_is_to_be_converted(
    empty: Servers, dailies: START, film: FILM, tools: Tools, tmp_path: Path, away: str
) -> None:
    port = free_port()
    run = dailies(PORT=str(port), DAILIES_API_TOKEN=TOKEN)
    run.start("web")
    run.start("reconciler")
    run.worker(pace=FAST)
    site = f"http://127.0.0.1:{port}"
    until(lambda: _answers(f"{site}/readyz"), "a dashboard that is ready")
    media = put_in(empty, film(1))
    if away == "gone":
        empty.redis.kill()
    else:
        empty.redis.freeze()

    reply = requests.post(
        f"{site}/api/upload/convert-to-hls/{media.media_id}",
        json={"s3Key": media.source_key},
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=5,
    )
    assert reply.status_code == 202, reply.text
    job = TranscodeJob.objects(media_id=media.media_id).get()
    assert reload(job).status == Status.waiting

    empty.redis.thaw()
    empty.redis.start()
    complete(job)
    check_stream(empty, tools, job, tmp_path, frames_of(1))


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False
