"""How many WebSockets one session or token may have open in this process."""

from contextlib import AbstractContextManager

from webapp.auth.identity import Principal
from webapp.live.socket_hub import End
from webapp.places import Places

TOO_MANY = 4429


class SocketLimit:
    """Counts open sockets by session or token."""

    def __init__(self, most: int) -> None:
        self._places = Places(most)
        #: Why a socket beyond the limit is closed.
        self.end = End(TOO_MANY, f"too many sockets: {most} a session or token; close another one")

    def place(self, principal: Principal) -> AbstractContextManager[bool]:
        """Counts a socket while the block runs; False, uncounted, where it is one too many."""
        return self._places.place(principal.session_key or principal.token_digest or "")
