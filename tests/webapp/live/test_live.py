"""Live panels, from the real web server, as a browser's WebSocket gets them."""

import base64
import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from flask import Flask
from simple_websocket import Client, ConnectionClosed
from simple_websocket.errors import ConnectionError as Refused

from tasks.feed import events
from tasks.feed.announce import announce
from tasks.jobs import lifecycle
from tasks.jobs.advance import advance
from tasks.models import Step, TranscodeJob
from tests.servers import Servers
from tests.tasks.rows import a_job
from tests.up.running import command_line, eventually
from tests.webapp.gunicorn import Gunicorn
from tests.webapp.live.feed_client import FeedClient
from tests.webapp.pages import rows
from tests.webapp.pages.reading import Page
from tests.webapp.people import signed_in
from webapp.auth import accounts, api_tokens
from webapp.live.live_hub import BACKLOG, rest_after


class Browser:
    """A WebSocket client that knows what it was sent."""

    def __init__(self, web: Gunicorn, token: str, view: str, **headers: str) -> None:
        address = f"{web.url.replace('http', 'ws')}/ws/panels?{view}"
        self.socket = Client(address, headers={"Authorization": f"Bearer {token}", **headers})

    def next(self, timeout: float = 60.0) -> dict[str, Any]:
        """The next message. Raises AssertionError where none comes in time."""
        text = self.socket.receive(timeout)
        assert text is not None, f"nothing within {timeout:g} s"
        message: dict[str, Any] = json.loads(text)
        return message

    def until(self, found: Callable[[str], bool], timeout: float = 60.0) -> None:
        """Reads until a message's markup is it. Raises AssertionError where none comes in time."""
        began = time.monotonic()
        while True:
            left = began + timeout - time.monotonic()
            if found(self.next(max(left, 0.01)).get("content", "")):
                return

    def look_at(self, view: str) -> None:
        """Tells the server what it shows now."""
        self.socket.send(json.dumps({"view": view}))

    def everything(self) -> str:
        """The markup of what comes first: the frame with the rows, and all other panels."""
        return str(self.next()["content"]) + str(self.next()["content"])

    def quiet(self, seconds: float) -> list[dict[str, Any]]:
        """What comes within so many seconds."""
        end, came = time.monotonic() + seconds, []
        while (left := end - time.monotonic()) > 0:
            text = self.socket.receive(left)
            if text is not None:
                came.append(json.loads(text))
        return came


@pytest.fixture(scope="module")
def _live_web(
    _servers_of_session: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gunicorn]:
    _servers_of_session.start()
    log = tmp_path_factory.mktemp("live_web") / "web.log"
    with Gunicorn(log, "tests.webapp.live.live_app:create_live_app()") as server:
        yield server


@pytest.fixture
def web(app: Flask, _live_web: Gunicorn) -> Iterator[Gunicorn]:
    """The web server, whose pages change by events alone; whatever a test does, nothing breaks."""
    before = len(_live_web.log)
    yield _live_web
    said = _live_web.log[before:]
    assert "Traceback" not in said, said


@pytest.fixture
def token(web: Gunicorn) -> str:
    return api_tokens.issue("browser", "editor")


@pytest.fixture
def browse(web: Gunicorn, token: str) -> Iterator[Callable[..., Browser]]:
    """``browse("page=jobs")``: a browser that looks at that, as an editor."""
    opened: list[Browser] = []

    def start(view: str = "page=jobs", secret: str = token, **headers: str) -> Browser:
        opened.append(Browser(web, secret, view, **headers))
        return opened[-1]

    yield start
    for browser in opened:
        with contextlib.suppress(ConnectionClosed, OSError):
            browser.socket.close()


def has(words: str) -> Callable[[str], bool]:
    """Whether markup has the words in it."""
    return lambda markup: words in markup


def row_of(job: TranscodeJob) -> str:
    return f'<hx-partial hx-target="#row-{job.job_id}"'


def test_first_comes_everything_then_only_what_changed(browse: Callable[..., Browser]) -> None:
    still, moving = rows.job("failed", age=5), rows.job("active")
    browser = browse()
    page = Page(browser.everything())
    assert page.jobs == [moving.job_id, still.job_id]
    assert {"#job-list", "#stats", "#workers"} <= {p["hx-target"] for p in page.all("hx-partial")}

    lifecycle.update_job(moving.job_id, {"progress": 40.0, "phases": {"splitting": 77.0}})
    announce(lifecycle.find(TranscodeJob, moving.job_id), "transcodeProgress")

    message = browser.next()
    assert "rows" not in message
    page = Page(message["content"])
    assert [p["hx-target"] for p in page.all("hx-partial")] == [f"#row-{moving.job_id}"]
    assert page.all("progress", class_="splitting")[0]["value"] == "77.0"


def test_a_transition_is_there_by_itself(browse: Callable[..., Browser]) -> None:
    job = rows.job("active")
    browser = browse()
    browser.everything()
    lifecycle.cancel(TranscodeJob, job.job_id, "ada")
    browser.until(lambda html: row_of(job) in html and "Cancelled" in html)
    lifecycle.retry(TranscodeJob, job.job_id, "ada")
    browser.until(lambda html: row_of(job) in html and "Waiting" in html)


def test_new_rows_come_as_a_move_of_the_list(browse: Callable[..., Browser]) -> None:
    old = rows.job("completed", age=9)
    browser = browse()
    browser.everything()
    new = rows.job("waiting")
    announce(new, "jobCreated")
    messages = [browser.next(), browser.next()]
    (moved,) = [m for m in messages if "rows" in m]
    assert moved["rows"] == Page(moved["content"]).jobs == [new.job_id, old.job_id]
    (other,) = [m for m in messages if "rows" not in m]
    assert 'hx-target="#stats"' in other["content"]


def test_a_browser_gets_what_it_looks_at(browse: Callable[..., Browser]) -> None:
    broken, running = rows.job("failed"), rows.job("active")
    browser = browse("page=jobs&status=failed")
    assert Page(browser.everything()).jobs == [broken.job_id]

    browser.look_at("page=jobs&status=active")
    assert Page(browser.everything()).jobs == [running.job_id]

    browser.look_at(f"page=jobs&open={running.job_id}")
    page = Page(browser.everything())
    assert page.all("hx-partial", hx_target=f"#open-{running.job_id}")
    assert "History" in page.text

    browser.look_at(f"page=job&id={running.job_id}")
    page = Page(str(browser.next()["content"]))
    assert page.all("section", id="job-head")


def test_buttons_go_to_editors_only(browse: Callable[..., Browser], web: Gunicorn) -> None:
    job = rows.job("active")
    posts = [f"/jobs/transcode/{job.job_id}/{verb}" for verb in ("cancel", "sync")]
    viewer = api_tokens.issue("viewer", "viewer")
    assert Page(browse().everything()).posts == [*posts, *posts]
    assert Page(browse(secret=viewer).everything()).posts == []
    assert posts[0] not in Browser(web, viewer, f"page=job&id={job.job_id}").next()["content"]


def test_panels_are_true_without_redis(browse: Callable[..., Browser], clean: Servers) -> None:
    job = rows.job("active")
    browser = browse()
    browser.everything()
    clean.redis.kill()
    lifecycle.cancel(TranscodeJob, job.job_id, "ada")
    browser.until(lambda html: row_of(job) in html and "Cancelled" in html)
    # Twice: what was still to be rendered when Redis went shows the first change, and no second.
    lifecycle.retry(TranscodeJob, job.job_id, "ada")
    browser.until(lambda html: row_of(job) in html and "Waiting" in html)
    clean.redis.start()
    lifecycle.cancel(TranscodeJob, job.job_id, "ada")
    browser.until(lambda html: row_of(job) in html and "Cancelled" in html)


def test_pages_go_on_when_the_database_is_back(
    browse: Callable[..., Browser], clean: Servers
) -> None:
    job = rows.job("active")
    browser = browse()
    browser.everything()
    clean.mongo.kill()
    events.publish("jobChanged", kind="transcode", jobId=job.job_id)
    browser.quiet(2)
    clean.mongo.start()
    lifecycle.cancel(TranscodeJob, job.job_id, "ada")
    browser.until(lambda html: row_of(job) in html and "Cancelled" in html)


@pytest.mark.parametrize(("took", "rest"), [(0.05, 0.2), (0.2, 0.6), (1.0, 3.0), (20.0, 5.0)])
def test_a_slow_round_is_followed_by_a_rest_that_does_not_grow_for_ever(
    took: float, rest: float
) -> None:
    assert rest_after(took) == pytest.approx(rest)


def test_who_is_not_signed_in_is_refused(web: Gunicorn) -> None:
    with pytest.raises(Refused) as refusal:
        Browser(web, "no such token", "page=jobs")
    assert refusal.value.status_code == 401


def test_pages_of_other_sites_are_refused(browse: Callable[..., Browser]) -> None:
    with pytest.raises(Refused) as refusal:
        browse(Origin="http://evil.example")
    assert refusal.value.status_code == 403
    assert browse(Origin="http://127.0.0.1").next()


DEEP = base64.urlsafe_b64encode(b"[" * 2000).decode().rstrip("=")


@pytest.mark.parametrize(
    "said",
    [
        *("", "[]", "{", '{"view": 3}', "[" * 5000),
        json.dumps({"view": f"page=operations&after={DEEP}"}),
        json.dumps({"view": "page=library&q=%00"}),
        json.dumps({"view": "page=library&q=\ud800"}),
        json.dumps({"view": "page=jobs&q=" + "x" * 4000}),
    ],
)
def test_nonsense_closes_the_socket_that_said_it_and_no_other(
    browse: Callable[..., Browser], said: str
) -> None:
    job = rows.job("active")
    odd, other = browse(), browse()
    odd.everything()
    other.everything()
    odd.socket.send(said)
    assert ended(odd)[0] == 4400
    lifecycle.cancel(TranscodeJob, job.job_id, "ada")
    other.until(lambda html: row_of(job) in html and "Cancelled" in html)


def test_a_view_that_takes_too_long_is_closed_and_no_other(
    browse: Callable[..., Browser], clean: Servers
) -> None:
    job = rows.job("active")
    slow_operations(clean)
    try:
        other, slow = browse(), browse("page=operations")
        other.everything()
        code, reason = ended(slow)
        assert code == 4408
        assert "narrow it" in reason
        lifecycle.cancel(TranscodeJob, job.job_id, "ada")
        other.until(lambda html: row_of(job) in html and "Cancelled" in html)
    finally:
        database = clean.mongo_client.get_default_database()
        database.drop_collection("bulk_operations")
        database.drop_collection("system.views")
        database["bulk_aside"].delete_many({})
        database["bulk_aside"].rename("bulk_operations")


def slow_operations(servers: Servers) -> None:
    """Has MongoDB take ten seconds for each operation that is looked for."""
    database = servers.mongo_client.get_default_database()
    database["bulk_operations"].rename("bulk_aside")
    database["bulk_aside"].insert_one({"master_key": "x"})
    slow = {"body": "function() { sleep(10000); return true }", "args": [], "lang": "js"}
    pipeline = [{"$match": {"$expr": {"$function": slow}}}]
    database.command("create", "bulk_operations", viewOn="bulk_aside", pipeline=pipeline)


def test_the_drift_page_stands_still_without_redis_and_no_other(
    browse: Callable[..., Browser], clean: Servers
) -> None:
    job = rows.job("active")
    drift, other = browse("page=drift"), browse()
    drift.next()
    other.everything()
    clean.redis.kill()
    lifecycle.cancel(TranscodeJob, job.job_id, "ada")
    other.until(lambda html: row_of(job) in html and "Cancelled" in html)
    clean.redis.start()
    drift.look_at("page=jobs")
    drift.until(has(job.job_id))


def test_a_token_has_twenty_sockets_and_the_next_is_told_so(
    browse: Callable[..., Browser], web: Gunicorn, token: str
) -> None:
    most = [browse("page=other") for _ in range(19)]
    for browser in most:
        browser.next()
    feed = FeedClient(web, token=token)
    assert feed.next()["event"] == "hello"
    code, reason = ended(browse("page=other"))
    assert code == 4429
    assert "20 a session or token" in reason
    assert FeedClient(web, token=token).end()[0] == 4429
    assert browse("page=other", secret=api_tokens.issue("another", "viewer")).next()
    most[0].socket.close()
    assert eventually(lambda: FeedClient(web, token=token).next()["event"] == "hello")


def test_who_says_too_much_is_cut_off(browse: Callable[..., Browser]) -> None:
    browser = browse()
    browser.socket.send("x" * 10_000)
    with pytest.raises(ConnectionClosed):
        browser.quiet(60)


def test_a_slow_reader_is_dropped_and_slows_nobody(
    browse: Callable[..., Browser], web: Gunicorn, token: str
) -> None:
    job = rows.job("active")
    quick = browse()
    quick.everything()
    alone = files_of(web)
    sleeper = socket.create_connection(("127.0.0.1", web.port))
    # As little as possible of what is sent fits between here and there.
    sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sleeper.sendall(
        (
            f"GET /ws/panels?page=jobs HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\n"
            f"Authorization: Bearer {token}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()
    )
    assert eventually(lambda: files_of(web) > alone)
    with_sleeper = files_of(web)
    before = web.log.count("reads too slowly")
    deadline = time.monotonic() + 120
    number = 0
    while web.log.count("reads too slowly") == before:
        assert time.monotonic() < deadline, f"still there after {number} messages"
        number += 1
        # Half a megabyte each time: what the kernel keeps for the sleeper is soon full.
        TranscodeJob.objects(job_id=job.job_id).update_one(set__name=f"{number} {'x' * 60_000}")
        announce(job, "transcodeProgress")
        # The sleeper is still there, and who reads is told all the same.
        quick.until(has(f"{number} xxx"))
    assert number > BACKLOG
    # The server has let go of it, though it still has not read a byte.
    assert eventually(lambda: files_of(web) < with_sleeper)
    sleeper.close()


def test_sockets_that_leave_leave_nothing_behind(
    browse: Callable[..., Browser], web: Gunicorn
) -> None:
    rows.job("active")

    def come_and_go(times: int) -> int:
        for _ in range(times):
            browser = browse()
            browser.next()
            browser.socket.close()
        return files_of(web)

    before = come_and_go(3)
    come_and_go(20)
    assert eventually(lambda: come_and_go(1) <= before + 3)


def files_of(web: Gunicorn) -> int:
    """Files and sockets that the web server's processes have open."""
    address = f"127.0.0.1:{web.port}"
    processes = [p for p in psutil.process_iter() if address in command_line(p)]
    return sum(process.num_fds() for process in processes)


def test_every_page_says_how_much_drift_the_last_pass_left(
    browse: Callable[..., Browser], clean: Servers
) -> None:
    last_pass = {"at": "2026-11-20T12:00:00+00:00", "total": 1234, "drift": []}
    clean.redis_client.set("dailies:drift", json.dumps(last_pass))
    browser = browse("page=other")
    # Counts are kept for a second: this has them read anew.
    events.publish("workersChanged")
    browser.until(has("1,234"))


def test_drift_comes_and_goes_on_its_page(browse: Callable[..., Browser], clean: Servers) -> None:
    browser = browse("page=drift")
    browser.until(has("Nothing to see here."))
    advance(a_job().job_id)
    minute_ago = {"$set": {"updated_at": {"$subtract": ["$$NOW", 60_000]}}}
    Step._get_collection().update_many({}, [minute_ago])
    clean.redis_client.delete("dramatiq:split", "dramatiq:split.msgs")
    events.publish("jobRepaired", jobId="of somebody else")
    browser.until(has("It waits for a message that is not in the queue."))


def ended(browser: Browser) -> tuple[int, str]:
    """The code and the reason by which a socket ends."""
    try:
        while browser.socket.receive(60.0) is not None:
            pass
    except ConnectionClosed as closed:
        return closed.reason, closed.message
    raise AssertionError("it did not end")


def test_who_is_signed_out_is_closed_and_nobody_else(app: Flask, tmp_path: Path) -> None:
    revoked = api_tokens.issue("revoked", "viewer")
    stays = api_tokens.issue("stays", "viewer")
    ada = signed_in(app, accounts.add_user("ada@example.com", None, "viewer"))
    cookie = ada.get_cookie("dailies_session")
    assert cookie is not None
    with Gunicorn(tmp_path / "web.log", "tests.webapp.live.feed_app:create_told_app()") as web:
        gone, other = Browser(web, revoked, "page=jobs"), Browser(web, stays, "page=jobs")
        gone.everything()
        other.everything()
        feed = FeedClient(web, headers={"Cookie": f"dailies_session={cookie.value}"})
        assert feed.next()["event"] == "hello"
        api_tokens.revoke(api_tokens.id_of(revoked))
        code, reason = ended(gone)
        assert code == 4401
        assert "signed out" in reason
        accounts.sign_out_everywhere("ada@example.com")
        assert feed.end()[0] == 4401
        announce(rows.job("waiting"), "jobCreated")
        other.until(has("job-row"))
        # And a server that ends says so.
        web.terminate()
        code, reason = ended(other)
        assert code == 1001
        assert "going away" in reason
    assert "graceful timeout" not in web.log
    assert "Traceback" not in web.log, web.log
