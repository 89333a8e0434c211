"""How many messages a worker process holds at once: as many as it has threads, whatever the queue.

Each queue of a worker has a consumer of its own, and each fetches by itself. Without a common limit
a worker whose threads are busy for minutes would hold a message of every other queue, where no
idle worker finds it.
"""

import threading
from collections.abc import Callable, Mapping


class FetchSlots:
    """The places of one process; ``ring`` lets the consumer of a queue look again.

    ``behind``: queue → queue that goes before it. While this process holds a message of that one,
    or looks for one, nothing is fetched from the other.
    """

    def __init__(
        self, ring: Callable[[str], None], behind: Mapping[str, str] | None = None
    ) -> None:
        # None: there is room for everything, until somebody says how much.
        self._places: int | None = None
        self._ring = ring
        self._lock = threading.Lock()
        self._behind = behind or {}
        self._held: dict[str, str] = {}  # message → queue
        self._looking: list[str] = []
        self._turned_away: set[str] = set()

    def open(self, places: int) -> None:
        """A worker begins, with so many threads; nothing is held."""
        with self._lock:
            self._places = places
            self._held.clear()

    def enter(self, queue_name: str) -> bool:
        """Takes a place to fetch with; where there is none, the queue is rung when there is."""
        with self._lock:
            taken = [*self._held.values(), *self._looking]
            full = self._places is not None and len(taken) >= self._places
            if full or self._behind.get(queue_name) in taken:
                self._turned_away.add(queue_name)
                return False
            self._looking.append(queue_name)
            return True

    def settle(self, queue_name: str, message_id: str | None) -> None:
        """Ends what ``enter`` began: with a message that keeps the place, or with none."""
        with self._lock:
            self._looking.remove(queue_name)
            if message_id is not None:
                self._held[message_id] = queue_name
        if message_id is None:
            self._call()

    def leave(self, message_id: str) -> None:
        """A message is done with, and its place is free; safe to say again."""
        with self._lock:
            self._held.pop(message_id, None)
        self._call()

    def _call(self) -> None:
        with self._lock:
            waiting, self._turned_away = self._turned_away, set()
        for queue_name in waiting:
            self._ring(queue_name)
