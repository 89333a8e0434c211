"""One a web process: hands the feed's events out to sockets, each behind a bounded queue.

What is waiting for a socket is the very same bytes for all whose filters are equal. A socket that
stays behind is dropped and comes back for the rest: nobody waits for it, and it keeps nothing.
"""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.feed.events import NOTHING, Event, place
from webapp.live.feed_query import FeedQuery
from webapp.live.feed_reader import Gap, Listener
from webapp.live.socket_hub import GOING_AWAY, End, Socket, SocketHub
from webapp.sockets import text_frame

log = logging.getLogger(__name__)

#: What may wait for a socket, in events and in bytes, before it is dropped.
BACKLOG = 3000
BACKLOG_BYTES = 1 << 20
#: Bytes that are sent at once, about.
CHUNK_BYTES = 32 * 1024
#: Seconds that one such send may take.
STALL_SECONDS = 30.0

TOO_SLOW = 4408


@dataclass(frozen=True)
class Chunk:
    """Whole frames to be sent together, and how many."""

    data: bytes
    count: int


class Subscriber(Socket):
    """One socket's queue. Everything but ``wake`` and ``sending`` is the hub's, under its lock."""

    def __init__(self, wanted: FeedQuery, credential: Any, cut: Callable[[], None]) -> None:
        super().__init__(credential, cut)
        self.wanted = wanted
        #: Set when there is something to send, or an end.
        self.wake = threading.Event()
        #: When the send began that is going on, on the monotonic clock.
        self.sending: float | None = None
        self._chunks: deque[Chunk] = deque()
        self._count = 0
        self._bytes = 0

    def put(self, chunks: Sequence[Chunk]) -> bool:
        """Queues chunks; False where that would be too much, and the socket must go."""
        count = sum(chunk.count for chunk in chunks)
        size = sum(len(chunk.data) for chunk in chunks)
        # One batch is never too much for somebody who has read all before it.
        if self._count and (self._count + count > BACKLOG or self._bytes + size > BACKLOG_BYTES):
            return False
        self._chunks.extend(chunks)
        self._count += count
        self._bytes += size
        self.wake.set()
        return True

    def take(self) -> bytes | None:
        """The next bytes to send, or None."""
        taken = []
        size = 0
        while self._chunks and size < CHUNK_BYTES:
            chunk = self._chunks.popleft()
            taken.append(chunk.data)
            size += len(chunk.data)
            self._count -= chunk.count
        self._bytes -= size
        return b"".join(taken) if taken else None

    @property
    def waiting(self) -> bool:
        """Whether anything is queued."""
        return bool(self._chunks)

    def _tell(self, end: End) -> None:
        # Whatever waits is forgotten, and the end comes next.
        self._chunks.clear()
        self._count = self._bytes = 0
        self.wake.set()


@dataclass(frozen=True)
class Next:
    """The next act of a sender: send ``data``, or close, or wait.

    ``id`` is the event up to which it has then sent everything; None where more is waiting.
    """

    data: bytes | None
    end: End | None
    id: str | None


class FeedHub(SocketHub[Subscriber], Listener):
    """The sockets of this process: all of them, and by filter those that get what is new."""

    def __init__(self) -> None:
        super().__init__(_GOING)
        self._live: dict[FeedQuery, set[Subscriber]] = {}
        self._position: str | None = None
        self._there = threading.Event()

    @property
    def position(self) -> str | None:
        """The id of the last event handed out, None before the feed was ever seen."""
        return self._position

    def wait(self, seconds: float) -> None:
        """Returns when the feed is there, or after so many seconds."""
        self._there.wait(seconds)

    def enter(self, subscriber: Subscriber) -> None:
        """A socket that may be told to end; it gets nothing before it has joined."""
        with self._lock:
            self._all.add(subscriber)
            if self._stopping:
                subscriber.close(_GOING)

    def join(self, subscriber: Subscriber, position: str | None) -> str | None:
        """Hands a socket from now on what comes after ``position``, or None for what is new.

        Returns where that begins; None where it has not joined, because this process is not
        there: behind it, ahead of it, or without a feed.
        """
        with self._lock:
            if self._position is None or (position is not None and position != self._position):
                return None
            if subscriber.end is None:
                self._live.setdefault(subscriber.wanted, set()).add(subscriber)
            return self._position

    def next(self, subscriber: Subscriber) -> Next:
        """The next act of this subscriber's sender."""
        with self._lock:
            # Before the look at the queue, so that what comes after it wakes the sender again.
            subscriber.wake.clear()
            data = subscriber.take() if subscriber.end is None else None
            return Next(data, subscriber.end, None if subscriber.waiting else self._position)

    def take(self, batch: Sequence[Event]) -> None:
        """Hands events out."""
        told = [(event, frame_of(event)) for event in batch if event.for_all]
        with self._lock:
            for wanted, subscribers in list(self._live.items()):
                chunks = chunks_of(frame for event, frame in told if wanted.passes(event))
                if chunks:
                    self._put(subscribers, chunks)
            self._position = batch[-1].id
        self._there.set()

    def joined(self, position: str, gap: Gap | None) -> None:
        """The feed is there (again)."""
        with self._lock:
            self._position = position
            if gap is not None:
                told = chunks_of([gap_frame(position, gap.oldest)])
                for subscribers in list(self._live.values()):
                    self._put(subscribers, told)
        self._there.set()

    def lost(self) -> None:
        """The feed is away; sockets stay."""
        self._there.clear()

    def tell(self, name: str, data: dict[str, Any]) -> None:
        """Hands out what this process itself has to say; it has the id of the event before it."""
        with self._lock:
            event = Event(self._position or NOTHING, name, data)
            chunks = chunks_of([frame_of(event)])
            for wanted, subscribers in list(self._live.items()):
                if wanted.passes(event):
                    self._put(subscribers, chunks)

    def heard(self, data: dict[str, Any]) -> bool:
        """Whether anybody would get an event with such fields."""
        with self._lock:
            return any(wanted.passes(Event(NOTHING, "", data)) for wanted in self._live)

    def cut_stalled(self) -> None:
        """Ends those who have not taken a chunk, or their end, in the time they have for it."""
        now = time.monotonic()
        with self._lock:
            for subscriber in list(self._all):
                since = subscriber.sending
                if since is not None and now - since > STALL_SECONDS:
                    self._drop(subscriber)
        super().cut_stalled()

    def _put(self, subscribers: Iterable[Subscriber], chunks: Sequence[Chunk]) -> None:
        for subscriber in list(subscribers):
            if not subscriber.put(chunks):
                self._drop(subscriber)

    def _drop(self, subscriber: Subscriber) -> None:
        if subscriber.end is None:
            log.warning("a reader of the event feed is too slow and is dropped")
            self._end([subscriber], _SLOW)

    def _forget(self, socket: Subscriber) -> None:
        live = self._live.get(socket.wanted)
        if live is not None:
            live.discard(socket)
            if not live:
                del self._live[socket.wanted]


_SLOW = End(TOO_SLOW, "too slow: come back with after=<the last id you have>")
_GOING = End(GOING_AWAY, "this server is going away: come back with after=<the last id you have>")


def ahead(position: str, other: str) -> bool:
    """Whether an id comes after another."""
    return place(position) > place(other)


def frame(event: str, entry_id: str | None, fields: Mapping[str, Any]) -> bytes:
    """A message as it goes over the line."""
    # These two come first, and no field of an event can take their place.
    own = {"id": entry_id, "event": event}
    message = {**own, **fields, **own}
    return text_frame(json.dumps(message, separators=(",", ":")).encode())


def frame_of(event: Event) -> bytes:
    """An event's message."""
    return frame(event.name, event.id, event.data)


def gap_frame(entry_id: str | None, oldest: str | None) -> bytes:
    """The message that something may be missing before what follows."""
    return frame("gap", entry_id, {"oldest": oldest})


def chunks_of(frames: Iterable[bytes]) -> list[Chunk]:
    """Frames in as few pieces as are sent well."""
    chunks = []
    held: list[bytes] = []
    size = 0
    for one in frames:
        held.append(one)
        size += len(one)
        if size >= CHUNK_BYTES:
            chunks.append(Chunk(b"".join(held), len(held)))
            held, size = [], 0
    if held:
        chunks.append(Chunk(b"".join(held), len(held)))
    return chunks
