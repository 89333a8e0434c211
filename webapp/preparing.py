"""The web process prepares the database too: it may be the first that meets an empty one."""

import logging
import threading
import time

from mongoengine.connection import ConnectionFailure as NotConnected
from pymongo.errors import PyMongoError

from tasks.infra import database
from webapp import models as people

log = logging.getLogger(__name__)

#: Seconds until the next try where the database is away.
PAUSE = 2.0


def begin() -> threading.Thread:
    """Makes missing indexes aside, trying until it is done."""
    thread = threading.Thread(target=_prepare, name="preparing", daemon=True)
    thread.start()
    return thread


def _prepare() -> None:
    complained = False
    while True:
        try:
            database.connect()
            database.ensure_indexes()
            people.ensure_indexes()
            return
        except (PyMongoError, NotConnected) as error:
            if not complained:
                log.warning("the database is not prepared yet: %s", error)
            complained = True
            time.sleep(PAUSE)
        except database.NotConfigured:
            return  # Every page says so.
