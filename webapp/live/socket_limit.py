"""How many WebSockets one session or token may have open in this process."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from webapp.auth.identity import Principal
from webapp.live.socket_hub import End

TOO_MANY = 4429


class SocketLimit:
    """Counts open sockets by session or token."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()
        #: Why a socket beyond the limit is closed.
        self.end = End(TOO_MANY, f"too many sockets: {most} a session or token; close another one")

    @contextmanager
    def place(self, principal: Principal) -> Iterator[bool]:
        """Counts a socket while the block runs; False, uncounted, where it is one too many."""
        who = principal.session_key or principal.token_digest or ""
        with self._lock:
            free = self._open[who] < self._most
            if free:
                self._open[who] += 1
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    self._open[who] -= 1
                    if not self._open[who]:
                        del self._open[who]
