"""Whatever is sent, to whichever route: never a 5xx."""

import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.webapp.people import csrf_token

# Some thousand requests: seconds, and minutes on a machine that is busy with something else.
pytestmark = pytest.mark.timeout(900)

# As they stand in a URL.
IDS = [
    "0",
    "%00",
    "a%00b",
    "x" * 5000,
    "%F0%9F%8E%AC",
    "%ED%A0%80",
    "%FF%FE",
    "..%2F..%2Fetc%2Fpasswd",
    "%24where",
    "%7B%22%24gt%22%3A%22%22%7D",
    "00000000-0000-4000-8000-000000000000%0A",
    "%E2%80%AE",
    "-1",
    "1e999",
    "'; drop table",
]
JSON_BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"1",
    b'"text"',
    b"\xff\xfe",
    b"[" * 60_000,
    b"1" * 6000,
    b'{"s3Key": 1}',
    b'{"s3Key": null}',
    b'{"s3Key": {"$gt": ""}}',
    b'{"s3Key": "\\ud800"}',
    b'{"s3Key": "\\u0000", "clientId": "\\ud800"}',
    b'{"s3Key": "x", "clientId": []}',
    b'{"kind": "film", "name": "\\ud800"}',
    b'{"kind": "film", "name": "a\\u0000b"}',
    b'{"kind": "film", "name": 1e999}',
    b'{"kind": "season", "name": "x", "series": "x", "number": ' + b"9" * 400 + b"}",
    b'{"kind": "episode", "name": "x", "parentId": "\\u0000", "number": 1}',
    b'{"kind": "episode", "name": "x", "parentId": {"$ne": 1}, "number": 1}',
    b'{"kind": "film", "name": "' + b"x" * 100_000 + b'"}',
    b'{"status": "waiting"}',
    b'{"status": {"$ne": 1}}',
    b'{"dryRun": "perhaps"}',
    b'{"action": "explode", "ids": ["a"]}',
    b'{"action": "retry"}',
    b'{"action": "retry", "ids": [], "filter": {"status": "\\u0000"}}',
    b'{"action": "retry", "ids": ["\\u0000", "\\ud800"]}',
    b'{"action": "retry", "filter": {"q": "\\ud800"}}',
    b'{"action": "retry", "filter": {"from": "yesterday"}}',
]
JSON_BODIES += [
    b'{"id": null}',
    b'{"id": "\\u0000"}',
    b'{"id": "\\ud800"}',
    b'{"id": {"$ne": ""}}',
    b'{"id": "x", "all": true}',
    b'{"all": "yes"}',
    b'{"all": true}',
]
QUERIES = [
    "repairs=-1",
    "repairs=" + "9" * 5000,
    "limit=0",
    "limit=-1",
    "limit=" + "9" * 5000,
    "limit=abc",
    "limit=1.5",
    "limit=",
    "limit=%00",
    "q=%00",
    "q=%ED%A0%80",
    "q=(",
    "q=" + "x" * 4000,
    "q=" + "+".join("abcdefghijkl"),
    "next=%00",
    "next=http://[",
    "next[]=1&next[]=2",
    "status=%00&page=%00&after=%00&before=%ED%A0%80&id=%FF&sort=%24where",
    "after=" + "9" * 4000,
    "after=bm90aGluZw",
    "after=W251bGwsMV0",
    "after=W3sibXMiOjFlOTl9LCJhIl0",
    "sort=%24where",
    "outputs=perhaps",
    "from=0000-00-00&to=9999-99-99",
    "from=2026-01-01",
    "from=9999-12-31T23:59:59-12:00",
    "status=%00",
    "label=8K",
    "mediaId=%7B%22%24gt%22%3A%22%22%7D",
    "page=" + "9" * 4000,
    "kind=%00&by=%ED%A0%80",
    "kind=upload&by=%24where",
]
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}
HEADERS = [
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer \xff\xfe"},
    {"Authorization": "Bearer " + "x" * 5000},
    {"Authorization": "\x7f"},
    {"Range": "bytes=" + "9" * 5000 + "-"},
    {"Range": "bytes=5-1"},
    {"If-None-Match": '"' + "x" * 5000},
    {"If-Range": "\xff"},
    {"Cookie": "dailies_session=\xff.\xfe.x"},
    {"Cookie": "dailies_session=" + "x" * 4000},
    {"Accept": "\xff;q=nan"},
    {"HX-Request": "true", "HX-Current-URL": "http://["},
    {"HX-Request": "true", "HX-Current-URL": "\x00"},
    {"X-CSRFToken": "\xff"},
    {"Content-Type": "multipart/form-data"},
    {"Content-Length": "abc"},
]


def routes(app: Flask) -> list[tuple[str, str, int]]:
    """``(method, path with %s for each argument, arguments)`` of everything but sockets; and HEAD
    only where it is not the same as GET without the body."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.websocket:
            continue
        path = "".join("%s" if is_argument else text for is_argument, text in rule._trace)
        path = path.removeprefix("|")
        left_out = {"OPTIONS"} if path.startswith("/media/") else {"HEAD", "OPTIONS"}
        for method in sorted((rule.methods or set()) - left_out):
            found.append((method, path, len(rule.arguments)))
    return found


def of_the_api(path: str) -> bool:
    """Whether programs ask for it, and not browsers."""
    return path.startswith(("/api/", "/v1/"))


@pytest.fixture
def failures(app: Flask, as_program: Callable[[str], FlaskClient]) -> "Failures":
    return Failures(app, as_program("admin"))


class Failures:
    """Sends requests as an admin and remembers which were answered by a 5xx."""

    def __init__(self, app: Flask, admin: FlaskClient) -> None:
        self.app = app
        self.admin = admin
        self.found: list[object] = []
        self.sent = 0

    def send(self, method: str, path: str, **request: object) -> None:
        answer = self.admin.open(path, method=method, **request)  # type: ignore[arg-type]
        self.sent += 1
        if answer.status_code >= 500 and path != "/readyz":
            self.found.append((method, path[:100], answer.status_code, str(request)[:100]))


def test_odd_ids(app: Flask, failures: Failures) -> None:
    for method, path, arguments in routes(app):
        for odd in IDS:
            if arguments:
                failures.send(method, path % ((odd,) * arguments))
    assert failures.found == []
    assert failures.sent > 150


def test_odd_json(app: Flask, failures: Failures) -> None:
    for method, path, arguments in routes(app):
        if method in ("GET", "HEAD"):
            continue
        # Pages read forms: what is in a JSON body is nothing to them.
        for body in JSON_BODIES if of_the_api(path) else JSON_BODIES[::8]:
            failures.send(
                method,
                path % (("00000000-0000-4000-8000-000000000000",) * arguments),
                data=body,
                content_type="application/json",
            )
    assert failures.found == []
    assert failures.sent > 100


def test_odd_queries(app: Flask, failures: Failures) -> None:
    for method, path, arguments in routes(app):
        # Health checks take no query, and asking the servers each time takes long.
        if method != "GET" or path == "/readyz":
            continue
        for query in QUERIES:
            # Of a page a part may be asked for, too.
            for headers in ({},) if of_the_api(path) else ({}, PARTIAL):
                failures.send("GET", f"{path % (('0',) * arguments)}?{query}", headers=headers)
    assert failures.found == []


def test_odd_headers(app: Flask, failures: Failures) -> None:
    key = "hls/00000000-0000-4000-8000-000000000000/master.m3u8"
    for method, path, arguments in routes(app):
        if path == "/readyz":
            continue
        for headers in HEADERS:
            failures.send(method, path % ((key,) * arguments), headers=headers)
    assert failures.found == []


def test_odd_forms(app: Flask, as_person: Callable[[str], FlaskClient]) -> None:
    for email, password in [
        ("\x00", "\x00"),
        ("\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "x"),
        ("a@b", "x" * 100_000),
        ("x" * 100_000, "x"),
        ("", ""),
    ]:
        answer = as_person_free(app).post(
            "/sign-in",
            data={"email": email, "password": password, "next": "\x00"},
            headers={"X-CSRFToken": csrf_token(app)},
        )
        assert answer.status_code in (401, 413)


def as_person_free(app: Flask) -> FlaskClient:
    """Nobody, with a session that has a CSRF token."""
    from tests.webapp.people import RAW_CSRF

    client = app.test_client()
    with client.session_transaction() as session:
        session["csrf_token"] = RAW_CSRF
    return client


@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/link/x"])
def test_a_large_form_is_refused_before_it_fills_memory_or_disk(app: Flask, path: str) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
    answer = as_person_free(app).post(
        path,
        data=part + b"x" * 1024**2 + b"\r\n--x--\r\n",
        content_type="multipart/form-data; boundary=x",
        headers={"X-CSRFToken": csrf_token(app)},
    )
    assert answer.status_code == 413


MULTIPART = {
    "no boundary": ("multipart/form-data", b"--x\r\n"),
    "empty boundary": ("multipart/form-data; boundary=", b"--\r\n"),
    "long boundary": ("multipart/form-data; boundary=" + "x" * 500, b""),
    "odd boundary": ('multipart/form-data; boundary="\xff"', b""),
    "nothing": ("multipart/form-data; boundary=x", b""),
    "only an end": ("multipart/form-data; boundary=x", b"--x--\r\n"),
    "no end": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\ndata',
    ),
    "no disposition": ("multipart/form-data; boundary=x", b"--x\r\nX: y\r\n\r\nd\r\n--x--\r\n"),
    "no name": (
        "multipart/form-data; boundary=x",
        b"--x\r\nContent-Disposition: form-data\r\n\r\nd\r\n--x--\r\n",
    ),
    "headers that are no text": (
        "multipart/form-data; boundary=x",
        b"--x\r\nContent-Disposition: \xff\xfe\r\n\r\nd\r\n--x--\r\n",
    ),
    "headers without end": ("multipart/form-data; boundary=x", b"--x\r\n" + b"X" * 700_000),
    "preamble without end": ("multipart/form-data; boundary=x", b"y" * 1_500_000),
    "odd charset of a name": (
        "multipart/form-data; boundary=x",
        b"--x\r\nContent-Disposition: form-data; name=\"video\"; filename*=nope''a%FF\r\n\r\nd"
        b"\r\n--x--\r\n",
    ),
    "many parts": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nd\r\n' * 500 + b"--x--\r\n",
    ),
    "long field": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="titleId"\r\n\r\n'
        + b"d" * 300_000
        + b"\r\n--x--\r\n",
    ),
    "form": ("application/x-www-form-urlencoded", b"video=x"),
    "no type": ("", b"video"),
}


@pytest.mark.parametrize("name", MULTIPART)
def test_odd_multipart_is_refused_and_leaves_nothing(
    app: Flask, editor: FlaskClient, clean: object, name: str
) -> None:
    from tasks.infra.storage import get_storage

    content_type, body = MULTIPART[name]
    answer = editor.post(
        "/api/upload/video",
        input_stream=io.BytesIO(body),
        headers={"Content-Type": content_type, "Content-Length": str(len(body))},
    )
    allowed = {"odd charset of a name": (201,), "form": (415,), "no type": (415,)}
    assert answer.status_code in allowed.get(name, (400, 413)), answer.text
    if answer.status_code != 201:
        assert answer.get_json()["error"]
        assert get_storage().list("sources/") == {}
