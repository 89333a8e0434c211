"""Clients that send slowly, or nothing: the real web server lets go of them."""

import contextlib
import socket
import time
from pathlib import Path

import pytest
import requests

from tests.servers import Servers
from tests.up.running import eventually
from tests.webapp.gunicorn import Gunicorn
from webapp.auth import api_tokens

SILENT = 1000


def connected(web: Gunicorn) -> socket.socket:
    return socket.create_connection(("127.0.0.1", web.port), timeout=60)


def request(path: str, *headers: str, method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answer(client: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    came = b""
    with contextlib.suppress(ConnectionResetError):
        while data := client.recv(65536):
            came += data
    return came


FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "headers",
    [
        (FORM, "Content-Length: 100"),
        (FORM, "Transfer-Encoding: chunked"),
    ],
)
def test_a_body_that_does_not_come_ends_its_connection(
    odd_web: Gunicorn, headers: tuple[str, ...]
) -> None:
    client = connected(odd_web)
    client.sendall(request("/sign-in", *headers))
    assert answer(client).startswith(b"HTTP/1.1 408")


def test_a_body_that_drips_ends_its_connection(odd_web: Gunicorn) -> None:
    client = connected(odd_web)
    client.sendall(request("/sign-in", FORM, "Content-Length: 20000"))
    client.settimeout(0.2)
    came = b""
    deadline = time.monotonic() + 60
    while not came and time.monotonic() < deadline:
        client.sendall(b"x")
        with contextlib.suppress(TimeoutError):
            came = client.recv(65536)
    assert came.startswith(b"HTTP/1.1 408")


def test_an_upload_that_stops_is_told_so(odd_web: Gunicorn) -> None:
    token = api_tokens.issue("uploader", "editor")
    client = connected(odd_web)
    body = b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\nabc'
    client.sendall(
        request(
            "/api/upload/video",
            f"Authorization: Bearer {token}",
            "Content-Type: multipart/form-data; boundary=x",
            "Content-Length: 100000",
        )
        + body
    )
    came = answer(client)
    assert came.startswith(b"HTTP/1.1 408")
    assert b"did not come in time" in came


def test_a_dry_run_whose_length_is_not_said_is_one(web: Gunicorn) -> None:
    token = api_tokens.issue("repairs", "editor")
    answer = requests.post(
        f"{web.url}/v1/studio/transcoding-jobs/fix-stuck",
        data=iter([b'{"dryRun": ', b"true}"]),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        timeout=60,
    )
    assert answer.request.headers["Transfer-Encoding"] == "chunked"
    assert answer.json()["dryRun"] is True


def test_an_address_with_a_line_break_and_a_link_is_one_line_of_the_log_without_it(
    clean: Servers, tmp_path: Path
) -> None:
    with Gunicorn(tmp_path / "web.log") as web:
        clean.mongo.kill()
        for path in ("/sign-in/link/s3cret%0AERROR%20forged", "/media/s/s3cret/%0Aforged"):
            requests.get(f"{web.url}{path}", timeout=60)
        clean.mongo.start()
    assert "s3cret" not in web.log
    assert "/sign-in/link/" in web.log
    assert not any(line.startswith(("ERROR forged", "forged")) for line in web.log.splitlines())


def test_uploads_beyond_those_that_one_may_have_open_are_refused(
    clean: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAILIES_OPEN_UPLOADS", "2")
    token, other = (api_tokens.issue(name, "editor") for name in ("uploader", "other"))
    with Gunicorn(tmp_path / "web.log") as web, contextlib.ExitStack() as stack:

        def upload(secret: str) -> socket.socket:
            client = stack.enter_context(connected(web))
            bearer = f"Authorization: Bearer {secret}"
            kind = "Content-Type: multipart/form-data; boundary=x"
            client.sendall(request("/api/upload/video", bearer, kind, "Content-Length: 100000"))
            return client

        opened = [upload(token) for _ in range(4)]
        refused = [client for client in opened if answer_begins(client) == b"HTTP/1.1 429"]
        assert len(refused) == 2
        assert answer_begins(upload(other)) == b""
        for client in opened:
            client.close()
        assert eventually(lambda: answer_begins(upload(token)) == b"")


def answer_begins(client: socket.socket) -> bytes:
    """The first line's beginning, empty where nothing came within a second."""
    client.settimeout(1)
    try:
        return client.recv(12)
    except TimeoutError:
        return b""


def test_a_thousand_silent_connections_stop_no_page(web: Gunicorn) -> None:
    waiting = request("/sign-in", FORM, "Content-Length: 100")
    with contextlib.ExitStack() as stack:
        for number in range(SILENT):
            client = stack.enter_context(connected(web))
            if number % 2:
                client.sendall(waiting)
        for path in ("/healthz", "/sign-in", "/healthz"):
            assert requests.get(f"{web.url}{path}", timeout=60).status_code == 200
