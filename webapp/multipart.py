"""A multipart request read as a stream: its parts as they come, nothing held in memory."""

import hashlib
import json
from collections.abc import Iterator
from typing import IO

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

__all__ = ["Data", "Epilogue", "Event", "Field", "File", "Fingerprint", "events"]

MIMETYPE = "multipart/form-data"
#: What a body has besides its file, at most, in bytes.
ENVELOPE_BYTES = 1024**2
READ_BYTES = 64 * 1024
#: What may be undecided at a time, such as the headers of a part.
MAX_BUFFER = 512 * 1024
MAX_PARTS = 20


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


class Fingerprint:
    """A hash of what is sent: names, file names and contents, whatever the boundary."""

    def __init__(self) -> None:
        self._whole = hashlib.sha256()
        self._part = hashlib.sha256()

    def add(self, event: Event) -> None:
        """Takes the next of `events`."""
        if isinstance(event, Field | File):
            self._end_part()
            named = [event.name, event.filename if isinstance(event, File) else None]
            self._part.update(json.dumps(named).encode() + b"\n")
        elif isinstance(event, Data):
            self._part.update(event.data)

    def digest(self) -> str:
        """The hash, when all parts have been told."""
        self._end_part()
        return self._whole.hexdigest()

    def _end_part(self) -> None:
        self._whole.update(self._part.digest())
        self._part = hashlib.sha256()


def _boundary(request: Request) -> bytes:
    if request.mimetype != MIMETYPE:
        raise UnsupportedMediaType("Send the file as multipart/form-data, in the field “video”.")
    boundary = request.mimetype_params.get("boundary", "")
    if not 1 <= len(boundary) <= 200 or not boundary.isascii():
        raise BadRequest("The Content-Type header names no usable boundary.")
    return boundary.encode()


def _chunks(stream: IO[bytes]) -> Iterator[bytes | None]:
    """The body in pieces, then None. Raises ClientDisconnected, RequestTimeout."""
    while True:
        try:
            data = stream.read(READ_BYTES)
        except OSError:
            raise ClientDisconnected("The upload was broken off.") from None
        if not data:
            break
        yield data
    yield None
