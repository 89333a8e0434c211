"""`/ws/events` from the real web server: who may listen, what they hear, how it ends."""

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from flask import Flask

from tasks.feed import events
from tasks.feed.announce import announce
from tasks.jobs import lifecycle
from tasks.models import TranscodeJob
from tests.servers import Servers
from tests.tasks import rows
from tests.up.running import eventually
from tests.webapp.gunicorn import Gunicorn
from tests.webapp.live.feed_client import TEXT, Closed, FeedClient, Refused
from tests.webapp.people import signed_in
from webapp.auth import accounts, api_tokens
from webapp.live.panels_socket import MESSAGE_BYTES
from webapp.models import ApiToken

Connect = Callable[..., FeedClient]


@pytest.fixture(scope="module")
def _quick_web(
    _servers_of_session: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gunicorn]:
    _servers_of_session.start()
    log = tmp_path_factory.mktemp("feed_web") / "web.log"
    with Gunicorn(log, "tests.webapp.live.feed_app:create_quick_app()") as server:
        yield server


@pytest.fixture
def quick_web(app: Flask, _quick_web: Gunicorn) -> Iterator[Gunicorn]:
    """The web server with a quick feed; whatever a test does, it logs no error."""
    before = len(_quick_web.log)
    yield _quick_web
    said = _quick_web.log[before:]
    assert "Traceback" not in said, said
    assert "ERROR" not in said, said


@pytest.fixture
def token(quick_web: Gunicorn) -> str:
    return api_tokens.issue("listener", "viewer")


@pytest.fixture
def connect(quick_web: Gunicorn, token: str) -> Iterator[Connect]:
    """``connect("kind=upload")``: a viewer's program that listens, past its hello."""
    opened: list[FeedClient] = []

    def start(
        query: str = "",
        *,
        secret: str | None = token,
        reads: bool = True,
        headers: dict[str, str] | None = None,
    ) -> FeedClient:
        client = FeedClient(quick_web, query, token=secret, reads=reads, headers=headers)
        opened.append(client)
        client.hello = client.next()
        return client

    yield start
    for client in opened:
        client.hang_up()


def tell(number: int, **fields: object) -> None:
    """An event that says which one it is."""
    events.publish("jobChanged", kind="transcode", jobId="j", n=number, **fields)


def numbers(messages: list[dict[str, Any]]) -> list[int]:
    return [message["n"] for message in messages]


def test_hello_says_where_the_feed_is_and_then_comes_what_happens(connect: Connect) -> None:
    tell(0)
    client = connect()
    here = events.last_id()
    assert client.hello == {"id": here, "event": "hello", "last": here}

    job = rows.a_job(client_id="browser 7")
    lifecycle.cancel(TranscodeJob, job.job_id, "ada")
    created, cancelled = client.events(2)
    assert (created["event"], created["status"]) == ("jobCreated", "waiting")
    assert cancelled == {
        "id": events.last_id(),
        "event": "JobCancelled",
        "kind": "transcode",
        "jobId": job.job_id,
        "transcodeId": job.job_id,
        "mediaId": job.media_id,
        "clientId": "browser 7",
        "status": "cancelled",
        "progress": 0,
        "reason": "Cancelled by ada.",
        "failedReason": "cancelled",
        "errorMessage": "Cancelled by ada.",
    }


def test_filters(connect: Connect) -> None:
    a, b = rows.a_job(client_id="one"), rows.a_job(client_id="two")
    clients = {
        query: connect(query)
        for query in (
            f"jobId={a.job_id}",
            f"jobId={a.job_id}&jobId={b.job_id}&kind=transcode",
            "clientId=two",
            "kind=upload&kind=media",
        )
    }
    upload = rows.an_upload(a)
    announce(upload, "uploadProgress", filesDone=1)
    announce(b, "transcodeProgress")
    events.publish("mediaChanged", mediaId="m")
    announce(a, "jobChanged")
    events.publish("jobChanged", kind="bulk", jobId="last", clientId="two", transcodeId=a.job_id)
    events.publish("mediaChanged", mediaId="last")

    def heard(query: str, count: int) -> list[tuple[str, object]]:
        came = clients[query].events(count)
        return [(m["event"], m.get("jobId") or m.get("mediaId")) for m in came]

    uploaded = [("jobCreated", upload.job_id), ("uploadProgress", upload.job_id)]
    by_job, by_jobs, by_client, by_kind = clients
    assert heard(by_job, 4) == [*uploaded, ("jobChanged", a.job_id), ("jobChanged", "last")]
    assert heard(by_jobs, 2) == [("transcodeProgress", b.job_id), ("jobChanged", a.job_id)]
    assert heard(by_client, 2) == [("transcodeProgress", b.job_id), ("jobChanged", "last")]
    assert heard(by_kind, 4) == [*uploaded, ("mediaChanged", "m"), ("mediaChanged", "last")]


def test_what_was_missed_comes_before_what_is_new(connect: Connect) -> None:
    for number in range(450):
        tell(number)
    ids = [event.id for event in events.tail("0-0")]
    client = connect(f"after={ids[9]}")
    assert client.hello == {"id": ids[9], "event": "hello", "last": ids[-1]}
    assert numbers(client.events(440)) == list(range(10, 450))
    tell(450)
    assert numbers(client.events(1)) == [450]

    nothing_missed = connect(f"after={events.last_id()}")
    tell(451)
    assert numbers(nothing_missed.events(1)) == [451]

    # Any time will do as a place, whether or not something happened just then.
    milliseconds = int(ids[0].partition("-")[0])
    tell(452)
    between = connect(f"after={ids[0]}&kind=transcode&jobId=j")
    assert numbers(between.events(452)) == list(range(1, 453))
    assert milliseconds <= int(between.hello["id"].partition("-")[0])


def test_replay_meets_the_present_without_gap_or_double(connect: Connect) -> None:
    tell(-1)
    start = events.last_id()
    clients: list[FeedClient] = []
    total = 1500
    for number in range(total):
        tell(number)
        if number % 150 == 0:
            clients.append(connect(f"after={start}"))
    for client in clients:
        assert numbers(client.events(total)) == list(range(total))


def test_a_place_that_is_no_longer_kept_is_a_gap(connect: Connect, clean: Servers) -> None:
    for number in range(10):
        tell(number)
    ids = [event.id for event in events.tail("0-0")]
    clean.redis_client.xtrim(events.STREAM, maxlen=3, approximate=False)

    client = connect(f"after={ids[2]}")
    gap, *rest = client.events(4)
    assert gap == {"id": ids[2], "event": "gap", "oldest": ids[7]}
    assert numbers(rest) == [7, 8, 9]
    tell(10)
    assert numbers(client.events(1)) == [10]

    kept = connect(f"after={ids[7]}")
    assert numbers(kept.events(3)) == [8, 9, 10]


def test_a_place_that_was_never_there_is_a_gap(connect: Connect) -> None:
    tell(0)
    here = events.last_id()
    client = connect("after=99999999999999-0")
    assert client.events(1) == [{"id": here, "event": "gap", "oldest": here}]
    tell(1)
    assert numbers(client.events(1)) == [1]


def test_an_entry_that_nobody_can_read_stops_nothing(connect: Connect, clean: Servers) -> None:
    tell(0)
    before = events.last_id()
    client = connect()
    clean.redis_client.xadd(events.STREAM, {"x": "y"})
    for data in ("{", "3", "null"):
        clean.redis_client.xadd(events.STREAM, {"name": "jobChanged", "data": data})
    tell(1, id="stolen", event="stolen")
    (message,) = client.events(1)
    assert (message["id"], message["event"], message["n"]) == (events.last_id(), "jobChanged", 1)
    assert connect(f"after={before}").events(1) == [message]


def test_heartbeats_keep_the_place_of_who_hears_nothing(connect: Connect) -> None:
    client = connect("jobId=nothing")
    tell(0)
    beats = [client.next() for _ in range(2)]
    assert [beat["event"] for beat in beats] == ["heartbeat"] * 2
    assert beats[-1] == {"id": events.last_id(), "event": "heartbeat"}
    began = time.monotonic()
    client.next()
    client.next()
    assert time.monotonic() - began > 0.5


def test_counts_of_both_kinds_come_at_most_once_a_second_and_only_when_changed(
    connect: Connect,
) -> None:
    client = connect("kind=stats")
    began = time.monotonic()
    job = rows.a_job()
    rows.an_upload(job)
    for _ in range(20):
        rows.a_job()
    told: list[dict[str, Any]] = []
    while not told or told[-1]["transcode"]["total"] < 21:
        told += client.events(1, stats=True)
    took = time.monotonic() - began
    assert len(told) <= took + 1
    counts = {"total": 21, "waiting": 21, "active": 0, "completed": 0, "failed": 0, "cancelled": 0}
    last = told[-1]
    assert (last["event"], last["kind"]) == ("statsChanged", "stats")
    assert last["transcode"] == counts
    assert last["upload"] == {**counts, "total": 1, "waiting": 1}
    assert last["id"] <= events.last_id()

    # Of the rest of that burst nothing more is said, though every event was a reason to count.
    announce(job, "jobChanged")
    quiet_until = time.monotonic() + 1.5
    while time.monotonic() < quiet_until:
        assert client.next()["event"] == "heartbeat"
    lifecycle.cancel(TranscodeJob, job.job_id, "ada")
    (message,) = client.events(1, stats=True)
    assert message["transcode"]["cancelled"] == 1


def test_who_is_not_signed_in_is_refused_before_there_is_a_socket(
    quick_web: Gunicorn, token: str
) -> None:
    nobodies: list[dict[str, str]] = [
        {},
        {"Authorization": "Bearer wrong"},
        {"Sec-WebSocket-Protocol": "bearer, wrong"},
        {"Sec-WebSocket-Protocol": f"{token}, bearer"},
    ]
    for headers in nobodies:
        with pytest.raises(Refused, match="401"):
            FeedClient(quick_web, headers=headers)
    # What is in an address ends up in logs.
    with pytest.raises(Refused, match="401"):
        FeedClient(quick_web, f"token={token}")


def test_a_browser_s_script_offers_its_token_as_a_sub_protocol(
    connect: Connect, token: str
) -> None:
    headers = {"Sec-WebSocket-Protocol": f"bearer, {token}", "Origin": "http://elsewhere.example"}
    client = connect(secret=None, headers=headers)
    assert client.headers["sec-websocket-protocol"] == "bearer"
    tell(1)
    assert numbers(client.events(1)) == [1]


def a_ticket(web: Gunicorn, token: str, **headers: str) -> str:
    answer = requests.post(
        f"{web.url}/api/feed-tickets",
        headers={"Authorization": f"Bearer {token}", **headers},
        timeout=60,
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["expiresIn"] == 60
    ticket: str = answer.json()["ticket"]
    return ticket


def test_a_ticket_opens_one_socket_of_the_origin_that_asked_for_it(
    connect: Connect, quick_web: Gunicorn, token: str
) -> None:
    origin = {"Origin": "http://elsewhere.example"}
    shown = {"Sec-WebSocket-Protocol": f"ticket, {a_ticket(quick_web, token, **origin)}"}
    client = connect("mediaId=m1", secret=None, headers={**shown, **origin})
    assert client.headers["sec-websocket-protocol"] == "ticket"
    tell(1, mediaId="m2")
    tell(2, mediaId="m1")
    assert numbers(client.events(1)) == [2]
    with pytest.raises(Refused, match="401"):
        FeedClient(quick_web, headers={**shown, **origin})

    elsewhere = a_ticket(quick_web, token, **origin)
    own = {"Sec-WebSocket-Protocol": f"ticket, {elsewhere}", "Origin": quick_web.url}
    with pytest.raises(Refused, match="401"):
        FeedClient(quick_web, headers=own)
    # It is a ticket for the feed, and no token.
    with pytest.raises(Refused, match="401"):
        FeedClient(quick_web, headers={"Authorization": f"Bearer {elsewhere}"})
    # One that a program asked for is good wherever a token would be.
    lone = a_ticket(quick_web, token)
    assert connect(secret=None, headers={"Sec-WebSocket-Protocol": f"ticket, {lone}"}).hello


def test_a_socket_by_ticket_ends_with_its_token(
    connect: Connect, quick_web: Gunicorn, token: str
) -> None:
    shown = {"Sec-WebSocket-Protocol": f"ticket, {a_ticket(quick_web, token)}"}
    client = connect(secret=None, headers=shown)
    ApiToken.objects.delete()
    assert client.end()[0] == 4401


def test_pages_of_unlisted_origins_may_not_listen_even_with_a_token(
    quick_web: Gunicorn, token: str
) -> None:
    for origin in ("http://evil.example", "https://elsewhere.example", "null"):
        client = FeedClient(quick_web, token=token, headers={"Origin": origin})
        assert client.end()[0] == 4403


def cookie_of(app: Flask, email: str) -> str:
    client = signed_in(app, accounts.add_user(email, None, "viewer"))
    cookie = client.get_cookie("dailies_session")
    assert cookie is not None
    return f"dailies_session={cookie.value}"


def test_a_session_counts_for_pages_of_this_site_alone(
    connect: Connect, quick_web: Gunicorn, app: Flask, token: str
) -> None:
    cookie = cookie_of(app, "ada@example.com")
    own = f"http://127.0.0.1:{quick_web.port}"
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        other = FeedClient(quick_web, headers={"Cookie": cookie, "Origin": origin})
        assert other.end()[0] == 4403
    tell(1)
    for client in (
        connect(secret=None, headers={"Cookie": cookie, "Origin": own}),
        connect(secret=None, headers={"Cookie": cookie}),
        connect(headers={"Origin": "http://elsewhere.example"}),
    ):
        tell(2)
        assert numbers(client.events(1)) == [2]


@pytest.mark.parametrize("query", ["after=x", "after=1-0&after=2-0", "kind=x", "tokn=1", "jobId="])
def test_a_query_that_cannot_be_meant_is_closed_with_a_reason(
    quick_web: Gunicorn, token: str, query: str
) -> None:
    code, reason = FeedClient(quick_web, query, token=token).end()
    assert code == 4400
    assert query.partition("=")[0] in reason


def test_who_is_signed_out_is_closed_and_nobody_else(connect: Connect, app: Flask) -> None:
    cookie = cookie_of(app, "ada@example.com")
    revoked = api_tokens.issue("revoked", "viewer")
    by_session = connect(secret=None, headers={"Cookie": cookie})
    by_token = connect(secret=revoked)
    stays = connect()
    accounts.remove_user("ada@example.com")
    api_tokens.revoke(api_tokens.id_of(revoked))
    for client in (by_session, by_token):
        code, reason = client.end()
        assert code == 4401
        assert "signed out" in reason
    tell(1)
    assert numbers(stays.events(1)) == [1]


def test_a_reader_that_stalls_is_dropped(connect: Connect, quick_web: Gunicorn) -> None:
    before, descriptors = quick_web.log.count("too slow"), quick_web.descriptors
    sleeper = connect(reads=False)
    wakes = connect(reads=False)
    quick = connect()
    # More than the kernel keeps, and less than what may wait in a queue.
    tell(0, errorMessage="x" * 900_000)
    assert numbers(quick.events(1)) == [0]
    assert eventually(lambda: quick_web.log.count("too slow") == before + 2)
    assert wakes.end()[0] == 4408
    # The other one is not waited for: it is cut off in the middle of a message.
    assert eventually(lambda: quick_web.descriptors <= descriptors + 1)
    assert sleeper.end() == ()


def test_what_a_client_says_is_not_listened_to(connect: Connect, quick_web: Gunicorn) -> None:
    client = connect()
    client.send(TEXT, json.dumps({"view": "page=jobs"}).encode())
    client.send(TEXT, b"\xff")
    with contextlib.suppress(Closed):
        client.next()
    chatty = connect()
    chatty.send(TEXT, b"x" * (MESSAGE_BYTES + 50))
    assert chatty.end()[0] == 1009
    others = connect()
    tell(1)
    assert numbers(others.events(1)) == [1]


def test_leaving_in_any_way_leaves_nothing(connect: Connect, quick_web: Gunicorn) -> None:
    descriptors = quick_web.descriptors
    for _ in range(10):
        connect().hang_up()
        polite = connect()
        polite.send(8, b"\x03\xe8")
        assert polite.end()[0] == 1000
        tell(1)
    assert eventually(lambda: quick_web.descriptors <= descriptors)
    assert requests.get(f"{quick_web.url}/healthz", timeout=60).ok


def test_redis_may_go_and_come_back(connect: Connect, clean: Servers, quick_web: Gunicorn) -> None:
    client = connect()
    tell(0)
    assert numbers(client.events(1)) == [0]
    clean.redis.kill()
    last = client.next()["id"]
    assert eventually(lambda: "feed is away" in quick_web.log)
    early = connect(f"after={last}")
    clean.redis.start()
    # Not `last`: a Redis that is killed may forget its last second, where the disk is slow.
    told, known = 0, events.last_id()
    while events.last_id() == known:
        told += 1
        tell(told)
    for one in (client, early):
        (message,) = one.events(1)
        if message["event"] == "gap":
            (message,) = one.events(1)
        assert re.match(r"\d+-\d+", message["id"])
        assert message["n"] == told
    tell(100)
    assert numbers(client.events(1)) == [100]


def test_an_emptied_redis_goes_on(connect: Connect, clean: Servers) -> None:
    client = connect()
    tell(0)
    assert numbers(client.events(1)) == [0]
    clean.redis_client.flushall()
    # Time enough to notice that there is nothing any more, which is no reason to go back.
    assert [client.next()["event"] for _ in range(2)] == ["heartbeat"] * 2
    tell(1)
    assert numbers(client.events(1)) == [1]


def test_what_an_emptied_redis_has_lost_is_a_gap_for_who_comes_back(
    connect: Connect, clean: Servers
) -> None:
    client = connect()
    tell(0)
    tell(1)
    before, _ = (message["id"] for message in client.events(2))
    clean.redis_client.flushall()
    back = connect(f"after={before}")
    assert back.events(1) == [{"id": before, "event": "gap", "oldest": None}]
    tell(2)
    assert numbers(back.events(1)) == [2]
    assert numbers(client.events(1)) == [2]


def test_who_comes_from_a_process_that_was_faster_hears_nothing_twice(
    connect: Connect, quick_web: Gunicorn
) -> None:
    tell(0)
    connect()
    quick_web.freeze()
    try:
        for number in range(1, 50):
            tell(number)
        with ThreadPoolExecutor() as pool:
            coming = [pool.submit(connect, f"after={events.last_id()}") for _ in range(5)]
            quick_web.thaw()
            clients = [one.result() for one in coming]
    finally:
        quick_web.thaw()
    tell(50)
    for client in clients:
        assert numbers(client.events(1)) == [50]


def test_a_stream_whose_clock_went_back_is_a_gap(connect: Connect, clean: Servers) -> None:
    client = connect()
    tell(0)
    assert numbers(client.events(1)) == [0]
    clean.redis_client.delete(events.STREAM)
    clean.redis_client.xadd(events.STREAM, {"name": "jobChanged", "data": "{}"}, id="5-0")
    assert client.events(1) == [{"id": "5-0", "event": "gap", "oldest": "5-0"}]
    clean.redis_client.xadd(events.STREAM, {"name": "jobChanged", "data": '{"n": 1}'}, id="6-0")
    assert client.events(1) == [{"id": "6-0", "event": "jobChanged", "n": 1}]
