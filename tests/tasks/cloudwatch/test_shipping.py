"""From the event feed to CloudWatch Logs, and what happens where that is in a bad mood."""

import re
import threading
import time
from collections.abc import Sequence

import pytest

from tasks.cloudwatch import shipping as shipping_module
from tasks.cloudwatch import spool, start
from tasks.cloudwatch.client import make_cloudwatch
from tasks.cloudwatch.entry import MAX_AGE_MS, Entry
from tasks.cloudwatch.shipping import Shipping
from tasks.errors import BadInput
from tasks.feed import events
from tasks.jobs import lifecycle
from tasks.jobs.progress import refresh
from tasks.models import TranscodeJob
from tasks.settings import get_settings
from tests.cloudwatch_server import CloudWatchServer, MoodyCloudWatch
from tests.servers import Servers
from tests.tasks.cloudwatch.conftest import GROUP
from tests.tasks.rows import a_job

MILLISECONDS_Z = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def a_job_done() -> TranscodeJob:
    """A job that went its way, as the feed tells it."""
    job = a_job(renditions=[{"name": name} for name in ("360p", "720p", "audio")])
    lifecycle.activate(job.job_id)
    for phase, progress in (("splitting", 1.5), ("transcoding", 46.5), ("uploading", 96.5)):
        lifecycle.update_job(job.job_id, {"phase": phase, "progress": progress})
        refresh(job.job_id)
    lifecycle.complete_job(job.job_id, {})
    return job


def logged(cloudwatch: CloudWatchServer, job: TranscodeJob) -> list[tuple[str, int]]:
    entries = cloudwatch.entries(GROUP, f"video-{job.media_id}")
    return [(entry["message"], entry["progress"]) for entry in entries]


def again(shipping: Shipping) -> None:
    """Has it try now and not when its pause is over."""
    shipping._not_before = 0.0
    shipping.once()


def test_a_jobs_way_is_logged_in_a_stream_of_its_own(
    shipping: Shipping, cloudwatch: CloudWatchServer
) -> None:
    job, other = a_job_done(), a_job_done()
    shipping.once()
    assert cloudwatch.streams(GROUP) == sorted(f"video-{j.media_id}" for j in (job, other))
    assert logged(cloudwatch, job) == [
        ("Video encoding started", 0),
        ("Downloading video from S3", 7),
        ("Converting to 360p", 40),
        ("Converting to 720p", 40),
        ("Uploading HLS files to S3", 80),
        ("Video encoding completed successfully", 100),
    ]
    entries = cloudwatch.entries(GROUP, f"video-{job.media_id}")
    for entry in entries:
        assert list(entry) == ["videoId", "message", "progress", "timestamp"]
        assert entry["videoId"] == job.media_id
        assert MILLISECONDS_Z.fullmatch(entry["timestamp"])
    assert sorted(entry["timestamp"] for entry in entries) == [e["timestamp"] for e in entries]
    state = spool.state()
    assert (state.waiting, state.sent, state.dropped, state.gaps, state.error) == (
        0,
        12,
        0,
        0,
        None,
    )
    assert state.last_success_at is not None


def test_a_failure_says_why(shipping: Shipping, cloudwatch: CloudWatchServer) -> None:
    job = a_job()
    lifecycle.activate(job.job_id)
    lifecycle.fail_jobs({job.job_id: BadInput("This is no video.")})
    shipping.once()
    assert logged(cloudwatch, job)[-1] == ("Video encoding failed: This is no video.", 0)


def test_group_and_stream_are_made_once(shipping: Shipping, moody: MoodyCloudWatch) -> None:
    a_job_done()
    shipping.once()
    assert moody.calls == [
        "PutLogEvents",
        "CreateLogStream",
        "CreateLogGroup",
        "CreateLogStream",
        "PutLogEvents",
    ]
    a_job_done()
    shipping.once()
    assert moody.calls[5:] == ["PutLogEvents", "CreateLogStream", "PutLogEvents"]


def test_what_somebody_else_makes_at_the_same_time_is_as_good(
    shipping: Shipping, moody: MoodyCloudWatch, cloudwatch: CloudWatchServer
) -> None:
    def mood(call: str) -> tuple[int, str] | None:
        if call == "CreateLogGroup":
            cloudwatch.client.create_log_group(logGroupName=GROUP)
        return None

    moody.mood = mood
    job = a_job_done()
    shipping.once()
    assert len(logged(cloudwatch, job)) == 6


def test_many_entries_of_a_video_are_one_call(
    shipping: Shipping, moody: MoodyCloudWatch, cloudwatch: CloudWatchServer
) -> None:
    at = int(time.time() * 1000)
    entries = [Entry("film", f"Converting {n}", n % 100, at + n // 10) for n in range(2_000)]
    spool.collect(entries, events.last_id())
    shipping.once()
    assert moody.calls.count("PutLogEvents") == 2  # the first finds no stream
    assert [e["message"] for e in cloudwatch.entries(GROUP, "video-film")][:3] == [
        entry.message for entry in entries[:3]
    ]
    assert spool.state().sent == 2_000


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "ThrottlingException"),
        (400, "AccessDeniedException"),
        (400, "UnrecognizedClientException"),
        (503, "ServiceUnavailableException"),
    ],
)
def test_what_is_refused_waits_and_comes_later(
    shipping: Shipping, moody: MoodyCloudWatch, cloudwatch: CloudWatchServer, status: int, code: str
) -> None:
    moody.mood = lambda _: (status, code)
    job = a_job_done()
    shipping.once()
    assert len(moody.calls) == 1
    shipping.once()
    assert len(moody.calls) == 1  # it pauses
    state = spool.state()
    assert (state.waiting, state.sent, state.dropped) == (6, 0, 0)
    assert state.error is not None
    assert code in state.error
    other = a_job_done()  # the feed is followed all the same
    again(shipping)
    assert spool.state().waiting == 12
    moody.mood = lambda _: None
    again(shipping)
    assert len(logged(cloudwatch, job)) == len(logged(cloudwatch, other)) == 6
    state = spool.state()
    assert (state.waiting, state.sent, state.dropped, state.error) == (0, 12, 0, None)
    assert state.last_error is not None  # it is still told what it was


def test_pauses_grow_and_have_an_end(shipping: Shipping, moody: MoodyCloudWatch) -> None:
    moody.mood = lambda _: (400, "ThrottlingException")
    a_job_done()
    waits = []
    for _ in range(12):
        again(shipping)
        waits.append(shipping._not_before - time.monotonic())
    assert waits[0] <= shipping_module.FIRST_WAIT
    assert shipping_module.LONGEST_WAIT / 3 < max(waits) <= shipping_module.LONGEST_WAIT


def test_a_stream_that_is_refused_for_good_holds_nobody_up(
    shipping: Shipping, moody: MoodyCloudWatch, cloudwatch: CloudWatchServer
) -> None:
    refusals = iter([(400, "InvalidParameterException")])
    moody.mood = lambda _: next(refusals, None)
    first, second = a_job_done(), a_job_done()
    shipping.once()
    assert logged(cloudwatch, first) == []
    assert len(logged(cloudwatch, second)) == 6
    state = spool.state()
    assert (state.waiting, state.sent, state.dropped) == (0, 6, 6)


def test_no_network(shipping: Shipping, moody: MoodyCloudWatch) -> None:
    moody.close()
    a_job_done()
    shipping.once()
    state = spool.state()
    assert state.waiting == 6
    assert state.error == "CloudWatch Logs does not answer (EndpointConnectionError)."


def test_no_credentials(
    database: Servers, moody: MoodyCloudWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("CLOUDWATCH_LOGS", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL_LOGS", moody.url)
    spool.collect([Entry("film", "Converting", 50, int(time.time() * 1000))], "1-0")
    get_settings.cache_clear()
    try:
        Shipping(make_cloudwatch(get_settings())).ship()
        state = spool.state()
    finally:
        get_settings.cache_clear()
    assert (state.waiting, moody.calls) == (1, [])
    assert state.error == "CloudWatch Logs does not answer (NoCredentialsError)."


def test_work_goes_on_while_cloudwatch_does_not_answer(
    shipping: Shipping, moody: MoodyCloudWatch, cloudwatch: CloudWatchServer
) -> None:
    silent, asked = threading.Event(), threading.Event()

    def mood(_: str) -> None:
        asked.set()
        silent.wait(timeout=60)

    moody.mood = mood
    a_job_done()
    ships = threading.Thread(target=shipping.once)
    ships.start()
    assert asked.wait(timeout=30)
    job = a_job_done()  # nothing of this waits for the call
    assert ships.is_alive()
    silent.set()
    ships.join(timeout=60)
    shipping.once()
    assert len(logged(cloudwatch, job)) == 6


def test_the_oldest_are_dropped_and_counted_where_too_many_wait(
    shipping: Shipping, cloudwatch: CloudWatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "KEPT", 10)
    at = int(time.time() * 1000)
    for n in range(3):
        spool.collect([Entry("film", f"{n}.{m}", 0, at + n) for m in range(6)], "1-0")
    assert (spool.state().waiting, spool.state().dropped) == (10, 8)
    shipping.ship()
    kept = [entry["message"] for entry in cloudwatch.entries(GROUP, "video-film")]
    assert kept == ["1.2", "1.3", "1.4", "1.5", *(f"2.{m}" for m in range(6))]


def test_what_is_too_old_is_dropped_and_counted(
    shipping: Shipping, cloudwatch: CloudWatchServer
) -> None:
    now = int(time.time() * 1000)
    spool.collect([Entry("film", "old", 0, now - MAX_AGE_MS - 1000)], "1-0")
    spool.collect([Entry("film", "new", 0, now)], "1-0")
    shipping.ship()
    assert [e["message"] for e in cloudwatch.entries(GROUP, "video-film")] == ["new"]
    assert (spool.state().waiting, spool.state().dropped, spool.state().sent) == (0, 1, 1)


def test_another_process_goes_on_where_one_was_killed(
    shipping: Shipping, cloudwatch: CloudWatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = a_job()
    lifecycle.activate(killed.job_id)

    def die(ids: Sequence[str]) -> None:
        if ids:
            raise KeyboardInterrupt

    # After CloudWatch took it and before that was noted: the worst moment.
    with monkeypatch.context() as dying:
        dying.setattr(spool, "remove", die)
        with pytest.raises(KeyboardInterrupt):
            shipping.once()
    lifecycle.fail_jobs({killed.job_id: BadInput("This is no video.")})
    heir = Shipping(make_cloudwatch(get_settings()))
    heir.once()
    assert len(logged(cloudwatch, killed)) == 1  # the lock is not free yet
    shipping._lock.release()
    heir.once()
    assert logged(cloudwatch, killed) == [
        ("Video encoding started", 0),
        ("Video encoding started", 0),
        ("Video encoding failed: This is no video.", 0),
    ]


def test_events_that_the_feed_forgot_are_noticed(
    shipping: Shipping, database: Servers, cloudwatch: CloudWatchServer
) -> None:
    a_job_done()
    shipping.once()
    a_job_done()
    job = a_job_done()
    database.redis_client.xtrim(events.STREAM, maxlen=1, approximate=False)
    shipping.once()
    assert spool.state().gaps == 1
    assert logged(cloudwatch, job) == [("Video encoding completed successfully", 100)]
    shipping.once()
    assert spool.state().gaps == 1


def test_a_feed_that_begins_again_lower_is_followed(
    shipping: Shipping, database: Servers, cloudwatch: CloudWatchServer
) -> None:
    spool.collect([], "99999999999999-0")
    job = a_job_done()
    shipping.once()
    assert len(logged(cloudwatch, job)) == 6
    assert spool.state().gaps == 1


def test_redis_away_ends_no_thread(
    shipping: Shipping, database: Servers, cloudwatch: CloudWatchServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    passes: list[None] = []
    through = threading.Event()
    real = shipping.once

    def once() -> None:
        passes.append(None)
        if len(passes) == 1:
            database.redis.kill()
        elif len(passes) == 2:
            database.redis.start()
        real()
        through.set()

    monkeypatch.setattr(shipping_module, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(shipping, "once", once)
    thread = threading.Thread(target=shipping.run)
    thread.start()
    assert through.wait(timeout=60)
    shipping.stop.set()
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert len(passes) >= 2


@pytest.mark.parametrize(
    ("variables", "group"),
    [
        ({}, None),
        ({"CLOUDWATCH_LOG_GROUP": ""}, None),
        ({"CLOUDWATCH_LOGS": "false"}, None),
        ({"CLOUDWATCH_LOGS": "true"}, "/video-encoding/progress"),
        ({"CLOUDWATCH_LOG_GROUP": "/films"}, "/films"),
        ({"CLOUDWATCH_LOGS": "true", "CLOUDWATCH_LOG_GROUP": "/films"}, "/films"),
    ],
)
def test_it_is_off_unless_it_is_set(
    variables: dict[str, str], group: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    try:
        assert get_settings().cloudwatch_group == group
        if group is None:
            assert start() is None
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
