"""How many messages a worker process holds at once: as many as it has threads, whatever the queue.

Each queue of a worker has a consumer of its own, and each fetches by itself. Without a common limit
a worker whose threads are busy for minutes would hold a message of every other queue, where no
idle worker finds it.
"""

import threading
from collections.abc import Callable


class FetchSlots:
    """The places of one process; ``ring`` lets the consumer of a queue look again."""

    def __init__(self, ring: Callable[[str], None]) -> None:
        # None: there is room for everything, until somebody says how much.
        self._places: int | None = None
        self._ring = ring
        self._lock = threading.Lock()
        self._held: set[str] = set()
        self._looking = 0
        self._turned_away: set[str] = set()

    def open(self, places: int) -> None:
        """A worker begins, with so many threads; nothing is held."""
        with self._lock:
            self._places = places
            self._held.clear()

    def enter(self, queue_name: str) -> bool:
        """Takes a place to fetch with; where there is none, the queue is rung when there is."""
        with self._lock:
            if self._places is not None and len(self._held) + self._looking >= self._places:
                self._turned_away.add(queue_name)
                return False
            self._looking += 1
            return True

    def settle(self, message_id: str | None) -> None:
        """Ends what ``enter`` began: with a message that keeps the place, or with none."""
        with self._lock:
            self._looking -= 1
            if message_id is not None:
                self._held.add(message_id)
        if message_id is None:
            self._call()

    def leave(self, message_id: str) -> None:
        """A message is done with, and its place is free; safe to say again."""
        with self._lock:
            self._held.discard(message_id)
        self._call()

    def _call(self) -> None:
        with self._lock:
            waiting, self._turned_away = self._turned_away, set()
        for queue_name in waiting:
            self._ring(queue_name)
