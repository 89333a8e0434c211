"""Follows the event feed: once in a web process, for everybody in it who wants to know."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import redis

from tasks.feed import events
from tasks.feed.events import Event, place

log = logging.getLogger(__name__)

#: Milliseconds that one read waits for something new.
WAIT_MS = 1000
#: Seconds between two tries while the feed is away.
AWAY_SECONDS = 0.5


@dataclass(frozen=True)
class Gap:
    """Something may have been missed; ``oldest`` is the first id that is kept, None if none is."""

    oldest: str | None


class Listener:
    """Called by the reader's own thread with what happens; no method may wait."""

    def joined(self, position: str, gap: "Gap | None") -> None:
        """The feed is there, for the first time or again; what comes next comes after an id."""

    def take(self, batch: Sequence[Event]) -> None:
        """Events, oldest first, at least one."""

    def lost(self) -> None:
        """The feed is away."""


class Reader:
    """One loop over the stream, from the first listener on.

    Entry ids are times, so that an emptied Redis goes on above where it was; where it does not (a
    clock that was set back), the reader goes back too and says that there is a gap.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._position: str | None = None
        self._there: bool | None = None

    def listen(self, listener: Listener) -> None:
        """From now on tells it too; to be called after gunicorn has forked."""
        with self._lock:
            self._listeners.append(listener)
            if self._there and self._position is not None:
                listener.joined(self._position, None)
            if len(self._listeners) == 1:
                threading.Thread(target=self._run, name="feed reader", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                self._read()
            except redis.RedisError as error:
                if self._there is not False:
                    log.warning("the event feed is away: %s", error)
                self._lost()
                time.sleep(AWAY_SECONDS)
            except Exception:
                log.exception("the event feed could not be followed")
                self._lost()
                time.sleep(AWAY_SECONDS)

    def _read(self) -> None:
        if self._position is None:
            self._join(events.last_id(), gap=False)
        elif not self._there:
            self._find_again(self._position)
        assert self._position is not None
        before = self._position
        batch = events.tail(before, block_ms=WAIT_MS)
        if not batch:
            newest = events.last_id()
            if newest != events.NOTHING and place(newest) < place(before):
                self._join(newest, gap=True)
            return
        if len(batch) >= events.BATCH and _trimmed(before):
            self._join(before, gap=True)
        with self._lock:
            self._position = batch[-1].id
            for listener in self._listeners:
                listener.take(batch)
        # Under gevent a read that finds data at once lets nobody else in, and what was just handed
        # out has to leave before there is more of it.
        time.sleep(0)

    def _find_again(self, position: str) -> None:
        newest = events.last_id()
        if newest != events.NOTHING and place(newest) < place(position):
            self._join(newest, gap=True)
        else:
            self._join(position, gap=_trimmed(position))

    def _join(self, position: str, *, gap: bool) -> None:
        missed = Gap(events.oldest_id()) if gap else None
        with self._lock:
            self._position = position
            self._there = True
            for listener in self._listeners:
                listener.joined(position, missed)

    def _lost(self) -> None:
        with self._lock:
            if self._there is not False:
                for listener in self._listeners:
                    listener.lost()
            self._there = False


def _trimmed(position: str) -> bool:
    oldest = events.oldest_id()
    return oldest is not None and place(oldest) > place(position)
