"""Bodies of requests come in time, or their connection ends: a silent client holds nothing."""

import contextlib
import io
import socket
from collections.abc import Callable, Iterable
from typing import Any

import gevent
from flask import Flask
from werkzeug.exceptions import RequestTimeout

#: Seconds that the next bytes of a body may take.
WAIT_SECONDS = 30.0
#: Bytes a second that come at least, measured over a whole body after the first wait.
LEAST_RATE = 1024
#: Bytes that are read at a time where a reader names no number.
READ_BYTES = 64 * 1024

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def init_app(app: Flask) -> None:
    """Puts the limits around the body of every request, whoever reads it."""
    inner: Application = app.wsgi_app

    def with_limits(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        stream = environ["wsgi.input"]
        environ["wsgi.input"] = TimedBody(stream, environ.get("gunicorn.socket"))
        return inner(environ, start)

    app.wsgi_app = with_limits  # type: ignore[method-assign, assignment]


class TimedBody(io.RawIOBase):
    """A body of which each read ends within a time that its size sets.

    Only time spent waiting for the client counts. Reads raise RequestTimeout (408), after which
    the connection takes in nothing more.
    """

    def __init__(self, stream: Any, connection: socket.socket | None) -> None:
        self._stream = stream
        self._connection = connection

    def readable(self) -> bool:
        """True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes; all of the body for -1."""
        if size is not None and size >= 0:
            return self._in_time(lambda: self._stream.read(size), size)
        pieces = []
        while piece := self.read(READ_BYTES):
            pieces.append(piece)
        return b"".join(pieces)

    def readinto(self, buffer: Any) -> int:
        """Fills the buffer; how many bytes that were, 0 at the end."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readline(self, size: int | None = -1) -> bytes:
        """One line, of ``size`` bytes at most."""
        most = READ_BYTES if size is None or size < 0 else size
        return self._in_time(lambda: self._stream.readline(most), most)

    def _in_time(self, read: Callable[[], bytes], size: int) -> bytes:
        try:
            with gevent.Timeout(WAIT_SECONDS + size / LEAST_RATE, TimeoutError):
                return read()
        except TimeoutError:
            if self._connection is not None:
                # What is left of the body is waited for by nobody.
                with contextlib.suppress(OSError):
                    self._connection.shutdown(socket.SHUT_RD)
            raise RequestTimeout(
                "The body of the request did not come in time. Send it again."
            ) from None
