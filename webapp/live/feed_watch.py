"""Ends sockets whose time is over: stalled ones, and those of who is signed out."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

from mongoengine.connection import ConnectionFailure as NotConnected
from pymongo.errors import PyMongoError

from tasks.feed import events
from tasks.feed.event_fields import ACCESS_ENDED
from tasks.infra import database
from webapp.auth import identity
from webapp.live.feed_reader import Gap, Listener, Reader
from webapp.live.socket_hub import End, SocketHub

log = logging.getLogger(__name__)

#: Seconds between two looks at whether sessions and tokens are still worth something, where nobody
#: tells: a token runs out, or Redis is away.
CHECK_SECONDS = 20.0
SIGNED_OUT = End(4401, "signed out: the session or token counts no more")


def start(hub: SocketHub[Any], reader: Reader) -> None:
    """Begins to watch; to be called once, after gunicorn has forked."""
    watch = _Watch(hub)
    reader.listen(watch)
    threading.Thread(target=watch.run, name="socket watch", daemon=True).start()


class _Watch(Listener):
    """Looks every second who stalls, and who is signed out where that was told or is due."""

    def __init__(self, hub: SocketHub[Any]) -> None:
        self._hub = hub
        self._told = threading.Event()

    def take(self, batch: Sequence[events.Event]) -> None:
        """Somebody may have been signed out."""
        if any(event.name == ACCESS_ENDED for event in batch):
            self._told.set()

    def joined(self, position: str, gap: Gap | None) -> None:
        """While the feed was away nobody told."""
        self._told.set()

    def run(self) -> None:
        """Never returns."""
        checked = time.monotonic()
        while True:
            told = self._told.wait(min(1.0, CHECK_SECONDS))
            self._told.clear()
            self._hub.cut_stalled()
            if told or time.monotonic() - checked >= CHECK_SECONDS:
                checked = time.monotonic()
                self._look()

    def _look(self) -> None:
        try:
            _check(self._hub)
        except (PyMongoError, NotConnected, database.NotConfigured) as error:
            log.info("sessions and tokens not checked: %s", error)
        except Exception:
            log.exception("sessions and tokens could not be checked")


def _check(hub: SocketHub[Any]) -> None:
    for principal in hub.credentials():
        if not identity.counts(principal):
            hub.close(principal, SIGNED_OUT)
