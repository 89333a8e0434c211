"""How many of something each person or token may hold in this process at a time."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Places:
    """Counts what is held by name."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()

    def take(self, who: str) -> bool:
        """Whether there was a place left, which is then held until `give_back`."""
        with self._lock:
            if self._held[who] >= self.most:
                return False
            self._held[who] += 1
            return True

    def give_back(self, who: str) -> None:
        """To be called once for each place that was taken."""
        with self._lock:
            self._held[who] -= 1
            if not self._held[who]:
                del self._held[who]

    @contextmanager
    def place(self, who: str) -> Iterator[bool]:
        """Holds a place while the block runs; False where there is none left."""
        taken = self.take(who)
        try:
            yield taken
        finally:
            if taken:
                self.give_back(who)
