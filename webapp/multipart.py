"""A multipart request read as a stream: its parts as they come, nothing held in memory."""

from collections.abc import Iterator
from typing import IO

import gevent
from werkzeug.exceptions import BadRequest, ClientDisconnected, HTTPException, UnsupportedMediaType
from werkzeug.sansio.multipart import (
    Data,
    Epilogue,
    Event,
    Field,
    File,
    MultipartDecoder,
    NeedData,
    Preamble,
)
from werkzeug.wrappers import Request

__all__ = ["Data", "Epilogue", "Event", "Field", "File", "events"]

READ_BYTES = 64 * 1024
#: What may be undecided at a time, such as the headers of a part.
MAX_BUFFER = 512 * 1024
MAX_PARTS = 20
#: A client that sends nothing for so long is gone: a laptop that was closed says no goodbye.
SILENCE_SECONDS = 120.0


def events(request: Request) -> Iterator[Event]:
    """The parts of the body: Field or File, then its Data; an Epilogue when all has come.

    Raises UnsupportedMediaType for another kind of body, BadRequest for a broken or cut one.
    """
    decoder = MultipartDecoder(_boundary(request), MAX_BUFFER, max_parts=MAX_PARTS)
    try:
        for data in _chunks(request.stream):
            decoder.receive_data(data)
            while not isinstance(event := decoder.next_event(), NeedData):
                if not isinstance(event, Preamble):
                    yield event
                if isinstance(event, Epilogue):
                    return
    except HTTPException:
        raise
    except (ValueError, LookupError):
        # Headers of a part that cannot be read, or an end before the last boundary.
        raise BadRequest("The upload is incomplete or is not what it says to be.") from None


def _boundary(request: Request) -> bytes:
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType("Send the file as multipart/form-data, in the field “video”.")
    boundary = request.mimetype_params.get("boundary", "")
    if not 1 <= len(boundary) <= 200 or not boundary.isascii():
        raise BadRequest("The Content-Type header names no usable boundary.")
    return boundary.encode()


def _chunks(stream: IO[bytes]) -> Iterator[bytes | None]:
    """The body in pieces, then None. Raises ClientDisconnected."""
    while True:
        try:
            with gevent.Timeout(SILENCE_SECONDS, TimeoutError):
                data = stream.read(READ_BYTES)
        except OSError:
            raise ClientDisconnected("The upload was broken off.") from None
        if not data:
            break
        yield data
    yield None
