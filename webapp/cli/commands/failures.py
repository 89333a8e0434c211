"""Failures that a person can do something about, as one line instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

# A person at a terminal waits less long for a server than work does.
PATIENCE_MS = 4000


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turns what accounts and the database raise into a click error of one line."""
    from mongoengine.connection import ConnectionFailure
    from pymongo.errors import PyMongoError

    from tasks.infra import database
    from webapp.auth.accounts import AccountError

    try:
        database.connect(PATIENCE_MS)
        yield
    except (AccountError, database.NotConfigured) as error:
        raise click.ClickException(str(error)) from None
    except (PyMongoError, ConnectionFailure) as error:
        reason = str(error).split(",")[0]
        raise click.ClickException(
            f"MONGO_URL: the database does not answer ({reason}). Is it running?"
        ) from None
