"""Shared parts of all WebSockets of this application."""

import contextlib
import socket
import threading
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, request

from tasks.settings import get_settings

#: Seconds between pings; a client that answers none of them is gone.
PING_SECONDS = 25
#: The sub-protocol of scripts in a browser that have a token: they can set no header but this.
BEARER = "bearer"
#: The same with a ticket of `webapp.auth.feed_tickets`, for one socket of the event feed.
TICKET = "ticket"


def init_app(app: Flask, message_bytes: int) -> None:
    """Sets how sockets are served; a client may say ``message_bytes`` at once."""
    app.config.setdefault(
        "SOCK_SERVER_OPTIONS",
        {
            "ping_interval": PING_SECONDS,
            "max_message_size": message_bytes,
            "subprotocols": [BEARER, TICKET],
        },
    )


def from_another_site() -> bool:
    """Whether a page of another site makes this request.

    Cookies come along with another site's WebSocket too, and no CSRF token can.
    """
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != request.host


def from_unknown_site() -> bool:
    """Whether a page asks that is neither of this site nor of ``DAILIES_CORS_ORIGINS``.

    Programs name no origin.
    """
    origin = request.headers.get("Origin")
    return from_another_site() and origin not in get_settings().allowed_origins


def token_offered() -> str | None:
    """The token that a WebSocket's client offers as its second sub-protocol, or None."""
    return _offered(BEARER)


def ticket_offered() -> str | None:
    """The same of a ticket."""
    return _offered(TICKET)


def _offered(protocol: str) -> str | None:
    if request.headers.get("Upgrade", "").lower() != "websocket":
        return None
    offered = [
        word.strip() for word in request.headers.get("Sec-WebSocket-Protocol", "").split(",")
    ]
    return offered[1] if len(offered) == 2 and offered[0] == protocol else None


class WholeSends:
    """A socket whose ``send`` sends everything, one caller at a time.

    simple-websocket calls ``send`` and ignores how much of it went: on gevent's sockets a large
    message to a slow reader would be cut, and two writers could mix theirs.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._turn = threading.Lock()

    def send(self, data: bytes) -> int:
        """Sends all of ``data``. Raises OSError."""
        with self._turn:
            self._raw.sendall(data)
        return len(data)

    def cut(self) -> None:
        """Ends the connection at once; whoever waits in it gets an OSError."""
        with contextlib.suppress(OSError):
            self._raw.shutdown(socket.SHUT_RDWR)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


def text_frame(text: bytes) -> bytes:
    """A server's WebSocket message of UTF-8 text, which is the same for every client.

    It is not compressed, as the protocol leaves free: each socket would have to do it for itself.
    """
    size = len(text)
    if size < 126:
        return bytes((0x81, size)) + text
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + text
    return b"\x81\x7f" + size.to_bytes(8, "big") + text
