"""A WebSocket client of the event feed that shows all it is sent, control frames too."""

import base64
import contextlib
import json
import os
import socket
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.webapp.gunicorn import Gunicorn

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Refused(Exception):
    """The server answered with plain HTTP; the status is the argument."""


class Closed(Exception):
    """The connection is over; ``args`` are code and reason, or nothing where none was said."""


class FeedClient:
    """Connected when made. Raises Refused.

    With ``reads=False`` as little as possible fits between the server and a client that sleeps.
    """

    def __init__(
        self,
        web: Gunicorn,
        query: str = "",
        *,
        token: str | None = None,
        reads: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.socket = socket.socket()
        if not reads:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(60)
        self.socket.connect(("127.0.0.1", web.port))
        sent = {
            "Host": f"127.0.0.1:{web.port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Version": "13",
            **({"Authorization": f"Bearer {token}"} if token else {}),
            **(headers or {}),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        self.socket.sendall(f"GET /ws/events?{query} HTTP/1.1\r\n{lines}\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            # Byte by byte where more than needed would be read for a client that sleeps.
            piece = self.socket.recv(65536 if reads else 1)
            assert piece, answer
            answer += piece
        head, _, rest = answer.partition(b"\r\n\r\n")
        status, *fields = head.decode().split("\r\n")
        self.headers = {k.lower(): v for k, _, v in (f.partition(": ") for f in fields)}
        if status.split()[1] != "101":
            self.socket.close()
            raise Refused(int(status.split()[1]))
        self._buffer = bytearray(rest)
        self._messages: list[dict[str, Any]] = []
        self.closed: tuple[Any, ...] | None = None
        #: Whether it keeps every message for `next`, or ``on_message`` takes them.
        self.on_message: Callable[[dict[str, Any]], None] = self._messages.append
        #: The first message, where somebody has read it.
        self.hello: dict[str, Any] = {}
        self._parse()

    def read(self) -> None:
        """Takes in what is there, and waits for it where nothing is (as long as the timeout)."""
        try:
            piece = self.socket.recv(262_144)
        except ConnectionResetError:
            piece = b""
        if not piece:
            self.closed = self.closed or ()
            return
        self._buffer += piece
        self._parse()

    def next(self, timeout: float = 60.0) -> dict[str, Any]:
        """The next message. Raises Closed, AssertionError where none comes in time."""
        deadline = time.monotonic() + timeout
        while not self._messages:
            if self.closed is not None:
                raise Closed(*self.closed)
            left = deadline - time.monotonic()
            assert left > 0, f"nothing within {timeout:g} s"
            self.socket.settimeout(left)
            try:
                self.read()
            except TimeoutError:
                continue
        return self._messages.pop(0)

    def events(
        self, count: int, timeout: float = 60.0, *, stats: bool = False
    ) -> list[dict[str, Any]]:
        """The next so many messages that are no heartbeat, and no counts unless asked for."""
        left_out = {"heartbeat"} if stats else {"heartbeat", "statsChanged"}
        deadline = time.monotonic() + timeout
        came: list[dict[str, Any]] = []
        while len(came) < count:
            message = self.next(max(0.01, deadline - time.monotonic()))
            if message["event"] not in left_out:
                came.append(message)
        return came

    def end(self, timeout: float = 60.0) -> tuple[Any, ...]:
        """Reads to the end: code and reason, or nothing where the server only hung up."""
        deadline = time.monotonic() + timeout
        try:
            while True:
                self.next(max(0.01, deadline - time.monotonic()))
        except Closed as closed:
            return closed.args

    def hang_up(self) -> None:
        """Leaves without a word."""
        self.socket.close()

    def send(self, opcode: int, payload: bytes) -> None:
        """One short frame of our own, with a mask of zeros."""
        assert len(payload) < 1 << 16
        size = (
            bytes((0x80 | len(payload),))
            if len(payload) < 126
            else b"\xfe" + struct.pack(">H", len(payload))
        )
        self.socket.sendall(bytes((0x80 | opcode,)) + size + bytes(4) + payload)

    def _parse(self) -> None:
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            size, body = buffer[at + 1], at + 2
            if size == 126:
                size, body = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            elif size == 127:
                size, body = int.from_bytes(buffer[at + 2 : at + 10], "big"), at + 10
            if len(buffer) < body + size:
                break
            self._frame(buffer[at] & 15, bytes(buffer[body : body + size]))
            at = body + size
        del buffer[:at]

    def _frame(self, opcode: int, payload: bytes) -> None:
        if self.closed is not None:
            # A ping may have been on its way; of what happens, nothing comes any more.
            assert opcode == PING, "a frame after the close"
        elif opcode == TEXT:
            self.on_message(json.loads(payload))
        elif opcode == PING:
            self.send(PONG, payload)
        elif opcode == CLOSE:
            code = int.from_bytes(payload[:2], "big")
            self.closed = (code, payload[2:].decode())
            # The server may have hung up already, as it may where it says that.
            with contextlib.suppress(OSError):
                self.send(CLOSE, payload[:2])
        else:
            assert opcode == PONG, opcode
