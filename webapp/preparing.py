"""The web process prepares the database too: it may be the first that meets an empty one."""

import logging
import threading

from mongoengine.connection import ConnectionFailure as NotConnected
from pymongo.errors import PyMongoError

from tasks import database
from webapp import models as people

log = logging.getLogger(__name__)

#: Seconds until the next try where the database is away.
PAUSE = 2.0


def begin(stopped: threading.Event) -> threading.Thread:
    """Makes missing indexes aside, trying until it is done or ``stopped`` is set."""
    thread = threading.Thread(target=_prepare, args=(stopped,), name="preparing", daemon=True)
    thread.start()
    return thread


def _prepare(stopped: threading.Event) -> None:
    complained = False
    while not stopped.is_set():
        try:
            database.connect()
            database.ensure_indexes()
            people.ensure_indexes()
            return
        except (PyMongoError, NotConnected) as error:
            if not complained:
                log.warning("the database is not prepared yet: %s", error)
            complained = True
            stopped.wait(PAUSE)
        except database.NotConfigured:
            return  # Every page says so.
