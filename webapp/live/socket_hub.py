"""The sockets of this process, whatever they are sent: whose they are, and how they end."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

#: Seconds that a socket has to read what is on its way, and why it ends.
CLOSE_SECONDS = 10.0

GOING_AWAY = 1001


@dataclass(frozen=True)
class End:
    """Why a socket is closed: a code and a reason of at most 123 bytes."""

    code: int
    reason: str


class Socket(ABC):
    """One socket. ``cut`` ends the connection at once, also under a send that waits.

    ``credential`` is who it is, for whoever asks whether that still counts.
    """

    def __init__(self, credential: Any, cut: Callable[[], None]) -> None:
        self.credential = credential
        self.cut = cut
        self.end: End | None = None
        #: On the monotonic clock, once there is an end.
        self.ended_at = 0.0

    def close(self, end: End) -> None:
        """Nothing more comes but the reason why it ends; the first one counts."""
        if self.end is None:
            self.end, self.ended_at = end, time.monotonic()
            self._tell(end)

    @abstractmethod
    def _tell(self, end: End) -> None:
        """Whoever sends learns of the end."""


S = TypeVar("S", bound=Socket)


class SocketHub(ABC, Generic[S]):
    """Sockets that end together with who they belong to, and with this process."""

    def __init__(self, going: End) -> None:
        self._lock = threading.Lock()
        self._all: set[S] = set()
        self._stopping = False
        self._going = going

    def leave(self, socket: S) -> None:
        """Forgets a socket."""
        with self._lock:
            self._all.discard(socket)
            self._forget(socket)

    def credentials(self) -> set[Any]:
        """The credentials of all sockets."""
        with self._lock:
            return {socket.credential for socket in self._all}

    def close(self, credential: Any, end: End) -> None:
        """Ends every socket of somebody."""
        with self._lock:
            self._end([socket for socket in self._all if socket.credential == credential], end)

    def stop(self) -> None:
        """This process ends: so do all its sockets, and those that still come."""
        with self._lock:
            self._stopping = True
            self._end(self._all, self._going)

    def cut_stalled(self) -> None:
        """Ends those who have not taken their end in the time they have for it."""
        late = time.monotonic() - CLOSE_SECONDS
        with self._lock:
            stalled = [socket for socket in self._all if socket.end and socket.ended_at < late]
        for socket in stalled:
            socket.cut()

    def _end(self, sockets: Iterable[S], end: End) -> None:
        for socket in sockets:
            socket.close(end)
            self._forget(socket)

    @abstractmethod
    def _forget(self, socket: S) -> None:
        """It is sent nothing any more."""
