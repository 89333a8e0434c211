"""Watches leases that ran out, before their work is taken away.

That a lease has run out by the database's clock says little about its worker just after the
database itself stood still: live workers could not renew theirs either. They do within a second or
so; the dead never do. So a lease is watched for a while, with the database answering in between.
"""

import time
from collections.abc import Callable


class Silence:
    """Remembers from one pass to the next since when each lease has been out.

    ``seconds``: how long a lease must stay so; ``clock`` gives monotonic seconds. ``watching``:
    whether the last pass saw one that had not been out for so long.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.watching = False
        self._clock = clock
        self._before: dict[str, float] = {}
        self._now: dict[str, float] = {}

    def begin_pass(self) -> None:
        """Forgets the leases that the last pass did not see out: they were renewed, or ended."""
        self._before, self._now = self._now, {}
        self.watching = False

    def lasts(self, token: str) -> bool:
        """Notes that a lease is out, and tells whether it has been for long enough."""
        since = self._now[token] = self._before.get(token, self._clock())
        lasts = self._clock() - since >= self.seconds
        self.watching = self.watching or not lasts
        return lasts
