"""Migrations at the start of a process: aside, until they are done."""

import logging
import threading
import time
from collections.abc import Callable

from mongoengine.connection import ConnectionFailure as NotConnected
from pymongo.errors import PyMongoError

from tasks.infra import database
from tasks.migrations.run import MigrationFailed, run

log = logging.getLogger(__name__)

#: Seconds until the next attempt where the database is away.
PAUSE_SECONDS = 2.0


def begin(*before: Callable[[], None]) -> threading.Thread:
    """Calls ``before`` and runs what is pending, in a thread, again while the database is away.

    The process works meanwhile: code reads rows of the version before too. A migration that fails
    is logged, and tried again by the next start or `dailies migrate`.
    """
    thread = threading.Thread(target=_until_done, args=before, name="migrations", daemon=True)
    thread.start()
    return thread


def _until_done(*before: Callable[[], None]) -> None:
    complained = False
    while True:
        try:
            database.connect()
            for prepare in before:
                prepare()
            run()
            return
        except (PyMongoError, NotConnected) as error:
            if not complained:
                log.warning("the database is not prepared yet: %s", error)
            complained = True
            time.sleep(PAUSE_SECONDS)
        except database.NotConfigured:
            return  # Every page says so.
        except MigrationFailed:
            log.exception("`dailies doctor` says which migrations are pending")
            return
