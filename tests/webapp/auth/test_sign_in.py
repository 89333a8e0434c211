"""Signing in by password and by link, and out again, as a browser does it."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import ServiceUnavailable, TooManyRequests
from werkzeug.test import TestResponse

from tasks.models.audit_entry import AuditEntry
from tests.servers import Servers
from tests.up.running import eventually
from tests.webapp.people import signed_in
from webapp.auth import accounts, passwords, sign_in_links, throttle
from webapp.auth.sign_in import local_path

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def ada(app: Flask) -> str:
    accounts.add_user("ada@example.com", "correct horse", "viewer")
    return "ada@example.com"


def page_token(page: TestResponse) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def post_password(client: FlaskClient, email: str, password: str, **more: str) -> TestResponse:
    token = page_token(client.get("/sign-in", headers=BROWSER))
    form = {"email": email, "password": password, "csrf_token": token, **more}
    return client.post("/sign-in", data=form, headers=BROWSER)


def test_a_browser_is_sent_to_sign_in_and_comes_back_to_where_it_was(
    client: FlaskClient, ada: str
) -> None:
    sent = client.get("/jobs?status=failed", headers=BROWSER)
    assert sent.status_code == 303
    assert sent.location == "/sign-in?next=/jobs?status%3Dfailed"
    page = client.get(sent.location, headers=BROWSER)
    assert "/jobs?status=failed" in page.text
    back = post_password(client, ada, "correct horse", next="/jobs?status=failed")
    assert (back.status_code, back.location) == (303, "/jobs?status=failed")
    assert client.get(back.location, headers=BROWSER).status_code == 200
    assert client.get("/sign-in", headers=BROWSER).status_code == 303


def test_a_wrong_password_says_so_and_signs_nobody_in(client: FlaskClient, ada: str) -> None:
    answer = post_password(client, ada, "correct horsf")
    assert answer.status_code == 401
    assert "password is wrong" in answer.text
    assert client.get("/jobs", headers=BROWSER).status_code == 303


def test_signing_in_leaves_nothing_of_the_session_before(client: FlaskClient, ada: str) -> None:
    client.get("/sign-in", headers=BROWSER)
    with client.session_transaction() as session:
        session["planted"] = "by somebody else"
        before = session["csrf_token"]
    token = page_token(client.get("/sign-in", headers=BROWSER))
    form = {"email": ada, "password": "correct horse", "csrf_token": token}
    assert client.post("/sign-in", data=form, headers=BROWSER).status_code == 303
    with client.session_transaction() as session:
        assert "planted" not in session
        assert session.get("csrf_token") != before


def test_signing_out_makes_a_copied_cookie_worthless(
    app: Flask, client: FlaskClient, ada: str
) -> None:
    post_password(client, ada, "correct horse")
    cookie = client.get_cookie("dailies_session")
    assert cookie is not None
    thief = app.test_client()
    thief.set_cookie("dailies_session", cookie.value)
    assert thief.get("/api/titles").status_code == 200

    page = client.get("/jobs", headers=BROWSER)
    token = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
    assert token
    out = client.post("/sign-out", data={"csrf_token": token[1]}, headers=BROWSER)
    assert (out.status_code, out.location) == (303, "/sign-in")
    assert client.get("/api/titles").status_code == 401
    assert thief.get("/api/titles").status_code == 401


def test_a_new_password_signs_out_everywhere(client: FlaskClient, ada: str) -> None:
    post_password(client, ada, "correct horse")
    assert client.get("/api/titles").status_code == 200
    accounts.set_password(ada, "another horse")
    assert client.get("/api/titles").status_code == 401


def test_a_link_is_not_used_up_by_looking_at_it(client: FlaskClient, ada: str) -> None:
    path = sign_in_links.make(ada)
    for _ in range(3):
        page = client.get(path, headers=BROWSER)
        assert page.status_code == 200
        assert ada in page.text
    assert client.get("/api/titles").status_code == 401

    entered = client.post(path, data={"csrf_token": page_token(page)}, headers=BROWSER)
    assert (entered.status_code, entered.location) == (303, "/")
    assert client.get("/api/titles").status_code == 200
    assert client.get(path, headers=BROWSER).status_code == 410


def test_a_link_can_set_a_password_that_is_long_enough(client: FlaskClient, ada: str) -> None:
    path = sign_in_links.make(ada)
    token = page_token(client.get(path, headers=BROWSER))
    short = client.post(path, data={"csrf_token": token, "password": "short"}, headers=BROWSER)
    assert short.status_code == 422
    assert "12 characters" in short.text
    form = {"csrf_token": page_token(short), "password": "battery staple"}
    assert client.post(path, data=form, headers=BROWSER).status_code == 303
    assert accounts.check_password(ada, "battery staple") is not None


def test_a_password_by_link_signs_out_everywhere_else(
    app: Flask, client: FlaskClient, ada: str
) -> None:
    thief = signed_in(app, accounts.by_email(ada))
    assert thief.get("/api/titles").status_code == 200
    path = sign_in_links.make(ada)
    token = page_token(client.get(path, headers=BROWSER))
    form = {"csrf_token": token, "password": "battery staple"}
    assert client.post(path, data=form, headers=BROWSER).status_code == 303
    assert client.get("/api/titles").status_code == 200
    assert thief.get("/api/titles").status_code == 401


def test_who_comes_in_and_who_does_not_is_in_the_audit_log(client: FlaskClient, ada: str) -> None:
    post_password(client, ada, "correct horsf")
    post_password(client, ada, "correct horse")
    lines = [(e.who, e.action, e.target, e.result) for e in AuditEntry.objects.order_by("at")]
    assert lines == [
        ("nobody", "sign in", ada, "refused"),
        (ada, "sign in", ada, "done"),
    ]


def test_a_wrong_link_says_so(client: FlaskClient) -> None:
    for secret in ("wrong", "x" * 3000, "%F0%9F%8E%AC"):
        assert client.get(f"/sign-in/link/{secret}", headers=BROWSER).status_code == 410


def test_ten_wrong_passwords_are_enough(client: FlaskClient, ada: str) -> None:
    for _ in range(throttle.MAX_FAILURES):
        assert post_password(client, ada, "guess guess").status_code == 401
    refused = post_password(client, ada, "correct horse")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= throttle.WINDOW_SECONDS
    # Somebody else, and somebody elsewhere, is not held up.
    assert post_password(client, "bob@example.com", "guess guess").status_code == 401
    client.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    assert post_password(client, ada, "correct horse").status_code == 303


def test_a_right_password_forgets_the_wrong_ones(client: FlaskClient, ada: str) -> None:
    for _ in range(2):
        for _ in range(throttle.MAX_FAILURES - 1):
            assert post_password(client, ada, "guess guess").status_code == 401
        assert post_password(client, ada, "correct horse").status_code == 303
        with client.session_transaction() as session:
            session.clear()


def test_redis_away_locks_nobody_out(servers: Servers, client: FlaskClient, ada: str) -> None:
    servers.redis.kill()
    assert post_password(client, ada, "guess guess").status_code == 401
    assert post_password(client, ada, "correct horse").status_code == 303


def test_an_unknown_email_takes_as_long_as_a_wrong_password(client: FlaskClient, ada: str) -> None:
    def seconds(email: str) -> float:
        begin = time.perf_counter()
        accounts.check_password(email, "guess guess")
        return time.perf_counter() - begin

    # In turn, and the least of each: a busy machine only ever adds to a time.
    turns = [
        [seconds(email) for email in (ada, "nobody@example.com", "no e-mail")] for _ in range(7)
    ]
    known, unknown, odd = (min(times) for times in zip(*turns, strict=True))
    assert 0.3 < unknown / known < 3
    assert 0.3 < odd / known < 3


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "jobs",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        "/sign-in?next=/jobs",
        "/sign-out",
        "http://[",
    ],
)
def test_only_pages_of_this_app_come_next(path: str | None) -> None:
    assert local_path(path) == "/"


def test_pages_of_this_app_come_next() -> None:
    for path in ("/", "/jobs", "/jobs?status=failed&q=a%20b", "/jobs/1#log"):
        assert local_path(path) == path


def test_one_account_is_guarded_from_many_addresses_and_one_address_from_many_accounts(
    app: Flask, ada: str
) -> None:
    with app.test_request_context():
        for number in range(throttle.MAX_FOR_ACCOUNT):
            throttle.begin_attempt(ada, f"192.0.2.{number}")
        with pytest.raises(TooManyRequests):
            throttle.begin_attempt(ada, "198.51.100.1")
        # All addresses of one /64 are one machine's.
        for number in range(throttle.MAX_FROM_ADDRESS):
            throttle.begin_attempt(f"{number}@example.com", f"2001:db8::{number:x}")
        with pytest.raises(TooManyRequests):
            throttle.begin_attempt("another@example.com", "2001:db8::ffff:1")
        throttle.begin_attempt("another@example.com", "2001:db8:0:1::1")
        assert throttle.network("::ffff:192.0.2.1") == "192.0.2.1"


def test_a_process_makes_few_hashes_at_a_time_and_refuses_a_crowd(app: Flask) -> None:
    hasher = _SlowHasher()
    beyond = 64 - passwords.MOST_AT_ONCE - passwords.MOST_WAITING
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(64) as pool:
        patch.setattr(passwords, "_HASHER", hasher)
        asked = [pool.submit(passwords.hash_password, "secret") for _ in range(64)]
        assert eventually(lambda: sum(one.done() for one in asked) == beyond)
        hasher.go_on.set()
        refused = [one for one in asked if isinstance(one.exception(60), ServiceUnavailable)]
    assert hasher.most == passwords.MOST_AT_ONCE
    assert len(refused) == beyond


class _SlowHasher:
    """Counts how many hash at the same time; nobody is done before it is told to go on."""

    def __init__(self) -> None:
        self.most = self._now = 0
        self._lock = threading.Lock()
        self.go_on = threading.Event()

    def hash(self, _password: str) -> str:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self.go_on.wait(60)
        with self._lock:
            self._now -= 1
        return "hashed"
