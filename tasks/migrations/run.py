"""Runs migrations: each once, in order, one process at a time."""

import logging
import time
from collections.abc import Callable, Sequence

from pymongo.errors import ConnectionFailure

from tasks.migrations import indexes
from tasks.migrations.catalogue import Migration, catalogue
from tasks.migrations.lease import LeaseLost, MigrationLease
from tasks.models import MigrationRecord

log = logging.getLogger(__name__)

#: Seconds for which a migration stays with a process that says nothing of it.
LEASE_SECONDS = 60.0
#: Seconds between two looks at a migration that another process runs.
WAIT_SECONDS = 0.5

Told = Callable[[Migration, str], None]


class MigrationFailed(Exception):
    """A migration raised; its record has the same sentence."""


def run(
    told: Told = lambda migration, what: log.info("%s %s", migration.name, what),
    *,
    which: Sequence[Migration] | None = None,
    lease_seconds: float = LEASE_SECONDS,
) -> list[str]:
    """Makes missing indexes, runs every pending migration, and returns the names of those run.

    It returns when all are done, also where another process does them. ``told`` gets a migration
    and what became of it; without ``which`` all of the catalogue are run. Raises MigrationFailed,
    and PyMongoError where the database is away.
    """
    indexes.ensure()
    done = set(MigrationRecord.objects(finished_at__ne=None).scalar("name"))
    wanted = catalogue() if which is None else which
    pending = [migration for migration in wanted if migration.name not in done]
    return [one.name for one in pending if _bring_about(one, told, lease_seconds)]


def _bring_about(migration: Migration, told: Told, lease_seconds: float) -> bool:
    """Returns when the migration is done: True where this process did it."""
    waited = False
    while not MigrationRecord.objects(name=migration.name, finished_at__ne=None).first():
        lease = MigrationLease(migration.name, lease_seconds)
        if not lease.claim():
            if not waited:
                told(migration, "is run by another process; waiting for it")
            waited = True
            time.sleep(WAIT_SECONDS)
            continue
        try:
            _do(migration, lease)
        except LeaseLost:
            told(migration, "went to another process")
            continue
        told(migration, "is done")
        return True
    return False


def _do(migration: Migration, lease: MigrationLease) -> None:
    try:
        lease.begun(migration.remaining())
        for rows in migration.run():
            lease.advanced(rows)
        lease.finish()
    except (LeaseLost, ConnectionFailure):
        raise  # A database that is away takes no note of it either; the lease runs out by itself.
    except Exception as error:
        sentence = f"{migration.name} failed: {type(error).__name__}: {error}"
        lease.give_up(sentence)
        raise MigrationFailed(sentence) from error
