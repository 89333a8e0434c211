"""Counts what goes to MongoDB and Redis and back: commands of the one, packets of the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis.connection
from pymongo import monitoring


class RoundTrips(monitoring.CommandListener):
    """``mongo`` and ``redis`` count round trips while ``counted`` is entered."""

    def __init__(self) -> None:
        self.mongo = 0
        self.redis = 0
        self._counting = False

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Counts from zero until the end of the block, in all threads of this process."""
        self.mongo = self.redis = 0
        connection_cls = redis.connection.AbstractConnection
        send, greet = connection_cls.send_packed_command, connection_cls.on_connect
        greeting: set[Any] = set()

        def counting(connection: Any, *args: Any, **kwargs: Any) -> Any:
            # A pipeline is one packet, with one answer to wait for.
            self.redis += connection not in greeting
            return send(connection, *args, **kwargs)

        def greeting_first(connection: Any) -> Any:
            # Whether a connection is at hand depends on what was done before.
            greeting.add(connection)
            try:
                return greet(connection)
            finally:
                greeting.discard(connection)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(connection_cls, "send_packed_command", counting)
            patch.setattr(connection_cls, "on_connect", greeting_first)
            self._counting = True
            try:
                yield
            finally:
                self._counting = False

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """A command is sent."""
        self.mongo += self._counting

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing to do."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing to do."""


ROUND_TRIPS = RoundTrips()
# Clients that are made from now on report to it.
monitoring.register(ROUND_TRIPS)
