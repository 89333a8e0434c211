"""Streams through the app: ranges, caching, and nothing but streams."""

import hashlib
import time
from collections.abc import Callable
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tasks.infra.storage import get_storage
from tests.servers import Servers
from tests.webapp.test_errors import assert_problem
from webapp import urls

MEDIA = "aaaaaaaa-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
MASTER = f"hls/{MEDIA}/master.m3u8"
SEGMENT = f"hls/{MEDIA}/720p/segment_00001.m4s"
BODY = hashlib.sha512(b"segment").digest() * 20_000  # 1.2 MB


@pytest.fixture
def stream(app: Flask) -> Flask:
    """The app, with a stream, and what is beside it, in the bucket."""
    storage = get_storage()
    storage.put_bytes(MASTER, b"#EXTM3U\n", "text/plain")
    storage.put_bytes(SEGMENT, BODY)
    for name in ("init.mp4", "poster.jpg", "storyboard.vtt"):
        storage.put_bytes(f"hls/{MEDIA}/{name}", b"x")
    storage.put_bytes(f"hls/{OTHER}/master.m3u8", b"#EXTM3U\n#other\n")
    storage.put_bytes(f"sources/{MEDIA}/film.mp4", b"source")
    storage.put_bytes(f"work/{MEDIA}/chunk.m4s", b"work")
    return app


@pytest.fixture
def viewer(stream: Flask, as_person: Callable[[str], FlaskClient]) -> FlaskClient:
    return as_person("viewer")


@pytest.mark.parametrize(
    ("name", "content_type", "age"),
    [
        ("master.m3u8", "application/vnd.apple.mpegurl", "private, no-cache"),
        ("720p/segment_00001.m4s", "video/iso.segment", "private, no-cache"),
        ("init.mp4", "video/mp4", "private, no-cache"),
        ("poster.jpg", "image/jpeg", "private, no-cache"),
        ("storyboard.vtt", "text/vtt; charset=utf-8", "private, no-cache"),
    ],
)
def test_type_and_age(viewer: FlaskClient, name: str, content_type: str, age: str) -> None:
    for answer in (
        viewer.get(f"/media/hls/{MEDIA}/{name}"),
        viewer.head(f"/media/hls/{MEDIA}/{name}"),
    ):
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == content_type
        assert answer.headers["Cache-Control"] == age
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert "Set-Cookie" not in answer.headers


def test_the_whole_file(viewer: FlaskClient) -> None:
    answer = viewer.get(f"/media/{SEGMENT}")
    assert answer.data == BODY
    assert answer.content_length == len(BODY)
    head = viewer.head(f"/media/{SEGMENT}")
    assert (head.data, head.content_length) == (b"", len(BODY))
    assert head.headers["ETag"] == answer.headers["ETag"]


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=100-199", 100, 199),
        ("bytes=1000000-", 1_000_000, len(BODY) - 1),
        ("bytes=-10", len(BODY) - 10, len(BODY) - 1),
        ("bytes=100-99999999", 100, len(BODY) - 1),
    ],
)
def test_a_range(viewer: FlaskClient, asked: str, first: int, last: int) -> None:
    answer = viewer.get(f"/media/{SEGMENT}", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.data == BODY[first : last + 1]
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(BODY)}"
    assert answer.content_length == last - first + 1


@pytest.mark.parametrize(
    "asked", ["bytes=5-1", "bytes=0-1,5-6", "bytes=x", "lines=1-2", "bytes=-", "bytes=" + "9" * 99]
)
def test_an_odd_range_is_answered_with_the_whole_file(viewer: FlaskClient, asked: str) -> None:
    answer = viewer.get(f"/media/{SEGMENT}", headers={"Range": asked})
    assert (answer.status_code, len(answer.data)) == (200, len(BODY))


def test_a_range_beyond_the_end_is_416(viewer: FlaskClient) -> None:
    answer = viewer.get(f"/media/{SEGMENT}", headers={"Range": f"bytes={len(BODY)}-"})
    assert_problem(answer, 416)
    assert answer.headers["Content-Range"] == f"bytes */{len(BODY)}"


def test_what_the_browser_has_already_is_304(viewer: FlaskClient) -> None:
    etag = viewer.get(f"/media/{MASTER}").headers["ETag"]
    for method in ("GET", "HEAD"):
        same = viewer.open(f"/media/{MASTER}", method=method, headers={"If-None-Match": etag})
        assert (same.status_code, same.data) == (304, b"")
        assert same.headers["ETag"] == etag
    changed = viewer.get(f"/media/{MASTER}", headers={"If-None-Match": '"other"'})
    assert changed.status_code == 200


def test_a_range_of_a_file_that_changed_is_the_whole_file(viewer: FlaskClient) -> None:
    etag = viewer.head(f"/media/{SEGMENT}").headers["ETag"]
    for condition, status in ((etag, 206), ('"other"', 200)):
        headers = {"Range": "bytes=0-9", "If-Range": condition}
        assert viewer.get(f"/media/{SEGMENT}", headers=headers).status_code == status


@pytest.mark.parametrize(
    "key",
    [
        f"sources/{MEDIA}/film.mp4",
        f"work/{MEDIA}/chunk.m4s",
        f"hls/{MEDIA}/../../sources/{MEDIA}/film.mp4",
        f"hls/{MEDIA}/%2e%2e/%2e%2e/sources/{MEDIA}/film.mp4",
        f"hls/{MEDIA}/..%2f..%2fsources/{MEDIA}/film.mp4",
        f"hls/../sources/{MEDIA}/film.mp4",
        f"hls/{MEDIA}/./master.m3u8",
        f"hls/{MEDIA}/master.m3u8%0A",
        f"hls/{MEDIA}/",
        f"hls/{MEDIA}",
        "hls/",
        f"hls/{MEDIA}/missing.m4s",
        f"hls/{MEDIA.upper()}/master.m3u8",
        "hls/x/master.m3u8",
        f"HLS/{MEDIA}/master.m3u8",
        f"hls/{MEDIA}/{'x' * 500}.m4s",
        f"hls/{MEDIA}/" + "a/" * 50 + "x.m4s",
        f"hls/{MEDIA}/\u00e9.m4s",
        "%5C..%5Csources",
    ],
)
def test_any_other_key_is_404(viewer: FlaskClient, key: str) -> None:
    # Past the test client, which would tidy the path up as a browser does.
    raw = unquote(f"/media/{key}")
    path = {"PATH_INFO": raw.encode().decode("latin-1")}
    for method in ("GET", "HEAD"):
        answer = viewer.open("/media/", method=method, environ_overrides=path)
        assert answer.status_code == 404
        assert answer.request.path == raw


def test_only_who_is_signed_in_gets_it(stream: Flask, editor: FlaskClient) -> None:
    assert_problem(stream.test_client().get(f"/media/{MASTER}"), 401)
    assert editor.get(f"/media/{MASTER}").status_code == 200


def test_a_link_opens_one_media_with_all_its_files(stream: Flask) -> None:
    with stream.test_request_context():
        url = urls.signed_url(MEDIA, MASTER)
    anybody = stream.test_client()
    answer = anybody.get(url)
    assert answer.data == b"#EXTM3U\n"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    # As a player resolves what the playlist names.
    beside = url.rsplit("/", 1)[0] + "/720p/segment_00001.m4s"
    assert anybody.get(beside, headers={"Range": "bytes=0-9"}).data == BODY[:10]
    assert_problem(anybody.get(url.replace(MEDIA, OTHER)), 404)
    assert_problem(anybody.get(url.replace(f"hls/{MEDIA}", f"sources/{MEDIA}")), 404)
    signature = url.split("/media/s/")[1].split("/")[0]
    assert_problem(anybody.get(url.replace(signature, signature[:-2] + "xx")), 404)


def test_a_link_expires(stream: Flask) -> None:
    with stream.test_request_context():
        url = urls.signed_url(MEDIA, MASTER, seconds=-1)
        good_for = urls.signed_url(MEDIA, MASTER)
        _, expires = urls._signer().loads(good_for.split("/media/s/")[1].split("/")[0])
    assert_problem(stream.test_client().get(url), 404)
    assert 86_000 < expires - time.time() <= 86_400


def test_storage_away_is_503(servers: Servers, viewer: FlaskClient) -> None:
    servers.s3.kill()
    answer = viewer.get(f"/media/{MASTER}")
    assert "storage" in assert_problem(answer, 503)
    assert answer.headers["Retry-After"]
