"""Streams from the bucket, for players: where no CDN does it (MEDIA_BASE_URL)."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound, RequestedRangeNotSatisfiable

from tasks import keys
from tasks.infra import ownership
from tasks.infra.storage import ObjectInfo, RangeNotSatisfiable, Storage
from tasks.infra.storage_client import make_client
from tasks.settings import Settings, get_settings
from webapp import urls
from webapp.auth.access import public, require_role
from webapp.deadline import without_deadline
from webapp.openapi import Content, documented

bp = Blueprint("media_files", __name__, url_prefix="/media")

# Of a stream only, and nothing that could leave its folder: a name never begins with a dot.
_FILE_OF_STREAM = re.compile(
    rf"(?P<media>{keys.ID})"
    r"(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}){1,6}"
)
_ONE_RANGE = re.compile(r"bytes=(\d+-\d*|-\d+)")

#: Of playlists, subtitles and what earlier versions made: kept, and asked about each time.
CACHING = "private, no-cache"

#: A player asks again by itself: seconds that storage gets to answer, and tries it gets.
PATIENCE = 10.0
TRIES = 2

_FILE = "The file: a playlist, a segment, a picture or a subtitle."
#: Headers that a client may send.
HEADERS = {
    "Range": "One range of bytes, as in `bytes=0-499`.",
    "If-None-Match": "The `ETag` of what a client has: 304 where it is still that.",
    "If-Range": "The `ETag` of what a client has a part of.",
}


def answers(file: str) -> dict[int, Content | None]:
    """OpenAPI answers of a route that serves a stored file; ``file`` is a sentence."""
    return {
        200: Content("*/*", file),
        206: Content("*/*", "The range of it that `Range` asked for."),
        304: None,
    }


@bp.get("/<path:key>")
@require_role("viewer")
@without_deadline
@documented(
    "A file of a stream.", tag="Media files", headers=HEADERS, answers=answers(_FILE), errors=(416,)
)
def serve(key: str) -> Response:
    """A file of a stream, with ranges, for who is signed in. 404 for any other key."""
    _media_of(key)
    return answer(key)


@bp.get("/s/<signature>/<path:key>")
@public
@without_deadline
@documented(
    "The same by a signed link.",
    tag="Media files",
    headers=HEADERS,
    answers=answers(_FILE),
    errors=(416,),
)
def serve_signed(signature: str, key: str) -> Response:
    """The same by a link that says itself which media it opens and until when.

    The signature is in the path, so that what a playlist names relatively is opened by it too.
    """
    media_id = _media_of(key)
    if urls.signed_media(signature) != media_id:
        raise NotFound("This link is wrong or has expired.")
    return for_other_sites(answer(key))


def for_other_sites(response: Response) -> Response:
    """The response as players of other sites may read it: signed links are for them."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def answer_of_stream(key: str) -> Response:
    """The same as ``answer`` for a file of a stream. Raises NotFound for any other key."""
    _media_of(key)
    return answer(key)


def storage() -> Storage:
    """The bucket, for a request: it is given up soon, since players ask again by themselves."""
    return _storage(get_settings())


@lru_cache(maxsize=2)
def _storage(settings: Settings) -> Storage:
    client = make_client(settings, patience=PATIENCE, tries=TRIES)
    return Storage(client, settings.s3_bucket, ownership.confirm)


def _media_of(key: str) -> str:
    match = _FILE_OF_STREAM.fullmatch(key.removeprefix(keys.streams()))
    if match is None or not key.startswith(keys.streams()):
        raise NotFound("There is no such file.")
    return match["media"]


def answer(key: str) -> Response:
    """The object of a key as this request asks for it: whole, a range, or only that it is there.

    Who may see it has been decided. Raises NotFound, RequestedRangeNotSatisfiable, StorageFailed.
    """
    if request.method == "HEAD" or request.if_none_match:
        info = storage().head(key)
        if info is None:
            raise NotFound("There is no such file.")
        if request.if_none_match.contains(info.etag):
            return _with_headers(Response(status=304), key, info.etag)
        if request.method == "HEAD":
            return _head(key, info)
    try:
        opened = storage().open(key, _range(key))
    except KeyError:
        raise NotFound("There is no such file.") from None
    except RangeNotSatisfiable:
        info = storage().head(key)
        raise RequestedRangeNotSatisfiable(length=info.size if info else None) from None
    response = Response(opened.chunks, opened.status)
    response.content_length = opened.size
    if opened.content_range:
        response.headers["Content-Range"] = opened.content_range
    return _with_headers(response, key, opened.etag)


def ranged(size: int, read: Callable[[int, int], Iterator[bytes]]) -> Response:
    """A file of ``size`` bytes that ``read(first, last)`` makes, as this request asks for it.

    Raises RequestedRangeNotSatisfiable.
    """
    asked = request.headers.get("Range", "").strip().replace(" ", "")
    first, last, status = 0, size - 1, 200
    if _ONE_RANGE.fullmatch(asked) and len(asked) <= 64:
        begin, _, end = asked.removeprefix("bytes=").partition("-")
        if begin:
            first, last = int(begin), min(int(end) if end else size - 1, size - 1)
        else:
            first = max(0, size - int(end))
        if first > last or first >= size:
            raise RequestedRangeNotSatisfiable(length=size)
        status = 206
    body = iter(()) if request.method == "HEAD" else read(first, last)
    response = Response(body, status)
    response.content_length = last - first + 1
    response.accept_ranges = "bytes"
    if status == 206:
        response.headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return response


def _range(key: str) -> str | None:
    """The one range that is asked for; several, or odd ones, are answered with the whole file."""
    asked = request.headers.get("Range", "").strip().replace(" ", "")
    if not _ONE_RANGE.fullmatch(asked) or len(asked) > 64:
        return None
    first, _, last = asked.removeprefix("bytes=").partition("-")
    if first and last and int(first) > int(last):
        return None
    condition = request.if_range
    if condition.etag or condition.date:
        info = storage().head(key)
        if info is None or condition.etag != info.etag:
            return None
    return asked


def _head(key: str, info: ObjectInfo) -> Response:
    response = Response(status=200)
    response.content_length = info.size
    return _with_headers(response, key, info.etag)


def _with_headers(response: Response, key: str, etag: str) -> Response:
    response.content_type = keys.content_type(key)
    response.set_etag(etag)
    response.accept_ranges = "bytes"
    # What never changes under its key is asked for once.
    caching = keys.cache_control(key)
    response.headers["Cache-Control"] = keys.IMMUTABLE if caching == keys.IMMUTABLE else CACHING
    return response
