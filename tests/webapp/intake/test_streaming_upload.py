"""Uploads through the real web server: little memory, many at once, and nothing left behind."""

import hashlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tasks.infra.storage import get_storage
from tasks.models import Media
from tests.servers import Servers
from tests.webapp.gunicorn import Gunicorn
from webapp.auth import api_tokens

MIB = 1024**2
HEAD = b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
TAIL = b"\r\n--x--\r\n"


@pytest.fixture
def token(web: Gunicorn) -> str:
    return api_tokens.issue("uploader", "editor")


def film(mebibytes: int, seed: bytes = b"film") -> Iterator[bytes]:
    """That much content, different in each MiB, made while it is sent."""
    block = hashlib.shake_256(seed).digest(MIB)
    for number in range(mebibytes):
        yield number.to_bytes(8, "big") + block[8:]


def headers(token: str, size: int) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {token}",
        "Content-Type": "multipart/form-data; boundary=x",
        "Content-Length": str(size),
    }


def send(web: Gunicorn, token: str, mebibytes: int, seed: bytes = b"film") -> dict[str, Any]:
    """Uploads a film; returns the answer's ``video``."""
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=120)
    size = len(HEAD) + mebibytes * MIB + len(TAIL)
    connection.putrequest("POST", "/api/upload/video")
    for name, value in headers(token, size).items():
        connection.putheader(name, value)
    connection.endheaders(HEAD)
    for piece in film(mebibytes, seed):
        connection.send(piece)
    connection.send(TAIL)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 201, body
    video: dict[str, Any] = json.loads(body)["video"]
    return video


def stored_digest(key: str) -> str:
    digest = hashlib.sha256()
    for chunk in get_storage().open(key).chunks:
        digest.update(chunk)
    return digest.hexdigest()


def digest_of(mebibytes: int, seed: bytes = b"film") -> str:
    digest = hashlib.sha256()
    for piece in film(mebibytes, seed):
        digest.update(piece)
    return digest.hexdigest()


def eventually(happened: Callable[[], bool], seconds: float = 30.0) -> None:
    """Returns when it has happened; fails when it doesn't."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def half_uploads(servers: Servers) -> list[Any]:
    try:
        reply = servers.s3_client.list_multipart_uploads(Bucket=servers.bucket)
    except servers.s3_client.exceptions.NoSuchUpload:
        return []  # So rclone says of a bucket that has never had any.
    return list(reply.get("Uploads", []))


def test_an_upload_takes_little_memory(web: Gunicorn, token: str) -> None:
    send(web, token, 20)  # What the first upload of a process loads for good.
    before, peak = web.memory, [0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], web.memory)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        video = send(web, token, 160)
    finally:
        done.set()
        watcher.join()
    growth = (peak[0] - before) / MIB
    assert growth < 50, f"{growth:.0f} MiB more"
    assert Media.objects.get(media_id=video["id"]).size == 160 * MIB
    assert stored_digest(video["s3Key"]) == digest_of(160)


def test_twenty_at_once_arrive_whole(web: Gunicorn, token: str) -> None:
    seeds = [f"film {number}".encode() for number in range(20)]
    with ThreadPoolExecutor(20) as pool:
        videos = list(pool.map(lambda seed: send(web, token, 9, seed), seeds))
    assert len({video["id"] for video in videos}) == 20
    for seed, video in zip(seeds, videos, strict=True):
        assert stored_digest(video["s3Key"]) == digest_of(9, seed)


@pytest.mark.parametrize("how", ["close", "reset", "end of the body"])
def test_a_client_that_goes_away_leaves_nothing(
    web: Gunicorn, clean: Servers, token: str, how: str
) -> None:
    connection = socket.create_connection(("127.0.0.1", web.port), timeout=60)
    declared = 100 * MIB if how != "end of the body" else len(HEAD) + 20 * MIB
    lines = [f"{name}: {value}" for name, value in headers(token, declared).items()]
    start = ["POST /api/upload/video HTTP/1.1", "Host: localhost", *lines]
    connection.sendall("\r\n".join([*start, "", ""]).encode() + HEAD)
    for piece in film(20):
        connection.sendall(piece)
    if how == "end of the body":
        # All that was announced came, but its last boundary is missing.
        assert connection.recv(12) == b"HTTP/1.1 400"
    else:
        eventually(lambda: len(half_uploads(clean)) == 1)
        if how == "reset":
            linger_off = (1).to_bytes(4, "little") + bytes(4)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_off)
    connection.close()
    eventually(lambda: half_uploads(clean) == [])
    assert get_storage().list("sources/") == {}
    assert len(Media.objects) == 0
    assert "Traceback" not in web.log


def test_a_client_that_falls_silent_is_given_up(clean: Servers, odd_web: Gunicorn) -> None:
    token = api_tokens.issue("uploader", "editor")
    connection = socket.create_connection(("127.0.0.1", odd_web.port), timeout=60)
    lines = [f"{name}: {value}" for name, value in headers(token, 100 * MIB).items()]
    start = ["POST /api/upload/video HTTP/1.1", "Host: localhost", *lines]
    connection.sendall("\r\n".join([*start, "", ""]).encode() + HEAD)
    for piece in film(20):
        connection.sendall(piece)
    assert connection.recv(12) == b"HTTP/1.1 408"
    assert half_uploads(clean) == []
    assert get_storage().list("sources/") == {}
    connection.close()


@pytest.mark.parametrize(
    ("field", "right", "answer"),
    [(b"", False, b"HTTP/1.1 401"), (b"unknown title", True, b"HTTP/1.1 422")],
)
def test_a_refusal_is_heard_while_the_file_is_still_being_sent(
    web: Gunicorn, token: str, field: bytes, right: bool, answer: bytes
) -> None:
    connection = socket.create_connection(("127.0.0.1", web.port), timeout=60)
    lines = [
        f"{name}: {value}"
        for name, value in headers(token if right else "wrong", 100 * MIB).items()
    ]
    start = ["POST /api/upload/video HTTP/1.1", "Host: localhost", *lines]
    title = b'--x\r\nContent-Disposition: form-data; name="titleId"\r\n\r\n' + field + b"\r\n"
    connection.sendall("\r\n".join([*start, "", ""]).encode() + title + HEAD)
    connection.sendall(next(film(1)))
    assert connection.recv(12) == answer
    for piece in film(20):
        connection.sendall(piece)
    connection.close()


def test_a_chunked_body_needs_no_length(web: Gunicorn, token: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)
    given = headers(token, 0)
    del given["Content-Length"]

    def body() -> Iterator[bytes]:
        yield HEAD
        yield from film(9)
        yield TAIL

    connection.request("POST", "/api/upload/video", body(), given, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 201
    assert stored_digest(json.loads(answer.read())["video"]["s3Key"]) == digest_of(9)


def test_a_large_file_is_served_with_little_memory(web: Gunicorn, token: str) -> None:
    key = "hls/aaaaaaaa-1111-4111-8111-111111111111/720p/large.m4s"
    with get_storage().writer(key) as writer:
        for piece in film(120):
            writer.write(piece)
    before, digest = web.memory, hashlib.sha256()
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)
    connection.request("GET", f"/media/{key}", headers={"Authorization": f"Bearer {token}"})
    answer, peak = connection.getresponse(), 0
    while piece := answer.read(MIB):
        digest.update(piece)
        peak = max(peak, web.memory)
    assert digest.hexdigest() == digest_of(120)
    assert (peak - before) / MIB < 30
