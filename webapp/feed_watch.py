"""Ends sockets whose time is over: stalled ones, and those of who is signed out."""

import logging
import threading
import time
from typing import Any

from mongoengine.connection import ConnectionFailure as NotConnected
from pymongo.errors import PyMongoError

from tasks import database
from webapp import identity
from webapp.socket_hub import End, SocketHub

log = logging.getLogger(__name__)

#: Seconds between two looks at whether sessions and tokens are still worth something.
CHECK_SECONDS = 20.0
SIGNED_OUT = End(4401, "signed out: the session or token counts no more")


def start(hub: SocketHub[Any]) -> None:
    """Begins to watch; to be called once, after gunicorn has forked."""
    threading.Thread(target=_run, args=(hub,), name="socket watch", daemon=True).start()


def _run(hub: SocketHub[Any]) -> None:
    checked = time.monotonic()
    while True:
        time.sleep(min(1.0, CHECK_SECONDS))
        hub.cut_stalled()
        if time.monotonic() - checked < CHECK_SECONDS:
            continue
        checked = time.monotonic()
        try:
            _check(hub)
        except (PyMongoError, NotConnected, database.NotConfigured) as error:
            log.info("sessions and tokens not checked: %s", error)
        except Exception:
            log.exception("sessions and tokens could not be checked")


def _check(hub: SocketHub[Any]) -> None:
    for principal in hub.credentials():
        if not identity.counts(principal):
            hub.close(principal, SIGNED_OUT)
