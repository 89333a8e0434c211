"""Sends to one socket of the feed: hello, missed events, then live events."""

import contextlib
import logging
import time
from collections.abc import Iterable
from typing import Any

import redis
from simple_websocket import ConnectionClosed
from wsproto.utilities import LocalProtocolError

from tasks.feed import events
from webapp.live.feed import FeedHub, Subscriber, ahead, chunks_of, frame, frame_of, gap_frame
from webapp.live.socket_hub import CLOSE_SECONDS, End
from webapp.sockets import WholeSends

log = logging.getLogger(__name__)

#: Seconds between heartbeats.
HEARTBEAT_SECONDS = 15.0
#: Seconds that hello waits for the feed; without it, it has no id.
HELLO_SECONDS = 2.0
#: Events of the past that are read at a time.
REPLAYED = 200

_FAULT = End(1011, "a fault of ours: the log knows more")


class Sender:
    """Sends to one socket, in a thread of its own, so that it alone waits for its reader."""

    def __init__(
        self, ws: Any, whole: WholeSends, hub: FeedHub, subscriber: Subscriber, after: str | None
    ) -> None:
        self._ws = ws
        self._whole = whole
        self._hub = hub
        self._subscriber = subscriber
        #: What has been sent so far; None for whom only the new counts.
        self._position = after
        self._gap_told: tuple[str | None] | None = None
        self._beat_at = time.monotonic() + HEARTBEAT_SECONDS

    def run(self) -> None:
        """Returns when the connection is over."""
        try:
            close(self._ws, self._serve())
        except (OSError, ConnectionClosed):
            pass
        except Exception:
            log.exception("a reader of the event feed could not be served")
            close(self._ws, _FAULT)
        self._whole.cut()

    def _serve(self) -> End:
        joined = self._hello()
        while not joined and self._subscriber.end is None:
            self._beat(self._position)
            joined = self._catch_up()
        while True:
            todo = self._hub.next(self._subscriber)
            if todo.end is not None:
                return todo.end
            if todo.data is not None:
                self._send(todo.data)
            elif time.monotonic() < self._beat_at:
                self._subscriber.wake.wait(self._beat_at - time.monotonic())
            if todo.id is not None:
                self._beat(todo.id)

    def _hello(self) -> bool:
        self._hub.wait(HELLO_SECONDS)
        if self._position is not None:
            self._send(frame("hello", self._position, {"last": self._hub.position}))
            return False
        begin = self._hub.join(self._subscriber, None)
        self._send(frame("hello", begin, {"last": begin}))
        return begin is not None

    def _catch_up(self) -> bool:
        """Sends some of what was missed; True when there is no more, and the socket is live."""
        if self._hub.join(self._subscriber, self._position) is not None:
            return True
        upto = self._hub.position
        if self._position is None or upto is None:
            self._hub.wait(0.5)
            return False
        try:
            if ahead(self._position, upto):
                self._look_ahead(self._position, upto)
            else:
                self._replay(self._position, upto)
        except redis.RedisError:
            self._subscriber.wake.wait(0.5)
        return False

    def _look_ahead(self, position: str, here: str) -> None:
        # Another process may have been faster; or the id is of a stream that is no more.
        if ahead(position, events.last_id()):
            self._tell_gap(here, events.oldest_id())
            self._position = here
        else:
            self._subscriber.wake.wait(0.02)

    def _replay(self, position: str, upto: str) -> None:
        oldest, batch = events.between(position, upto, REPLAYED)
        if oldest is None or ahead(oldest, position):
            self._tell_gap(position, oldest)
        wanted = self._subscriber.wanted
        self._send_all(frame_of(event) for event in batch if event.for_all and wanted.passes(event))
        self._position = batch[-1].id if len(batch) == REPLAYED else upto

    def _tell_gap(self, position: str, oldest: str | None) -> None:
        if self._gap_told != (oldest,):
            self._gap_told = (oldest,)
            self._send(gap_frame(position, oldest))

    def _beat(self, entry_id: str | None) -> None:
        if time.monotonic() >= self._beat_at:
            self._beat_at = time.monotonic() + HEARTBEAT_SECONDS
            self._send(frame("heartbeat", entry_id, {}))

    def _send_all(self, frames: Iterable[bytes]) -> None:
        for chunk in chunks_of(frames):
            if self._subscriber.end is None:
                self._send(chunk.data)

    def _send(self, data: bytes) -> None:
        self._subscriber.sending = time.monotonic()
        self._whole.send(data)
        self._subscriber.sending = None


def close(ws: Any, end: End) -> None:
    """Says why a socket ends, and gives its client a while to hear it."""
    with contextlib.suppress(OSError, ConnectionClosed, LocalProtocolError):
        ws.close(end.code, end.reason)
    ws.thread.join(CLOSE_SECONDS)
