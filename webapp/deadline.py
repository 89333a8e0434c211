"""A browser waits seconds, not minutes.

Database calls of a request share one short deadline; Redis has a second, once.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, TypeVar

import pymongo
from flask import Flask, current_app, g, request

from tasks.infra import database, redis_client

#: How long a request waits for a database that is away, in milliseconds.
PATIENCE_MS = 2_000
#: Seconds that all database calls of one request may take together.
DATABASE_SECONDS = 5.0

View = TypeVar("View", bound=Callable[..., Any])

_OWN_TIME = "own_time"


def without_deadline(view: View) -> View:
    """The view lasts as long as its client wants: it puts `in_time` around its database calls."""
    setattr(view, _OWN_TIME, True)
    return view


@contextmanager
def in_time() -> Iterator[None]:
    """Database calls inside fail (PyMongoError) when the database is away for five seconds."""
    database.connect(PATIENCE_MS)
    with pymongo.timeout(DATABASE_SECONDS):
        yield


def init_app(app: Flask) -> None:
    """Connects to the database lazily, after gunicorn has forked, and sets each deadline."""
    app.before_request(_begin)
    app.teardown_request(_end)


def _begin() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or request.endpoint == "static":
        return
    g.deadlines = deadlines = ExitStack()
    deadlines.enter_context(redis_client.briefly())
    with suppress(database.NotConfigured):
        # Whoever connects first decides how patient this process is.
        database.connect(PATIENCE_MS)
    if not getattr(view, _OWN_TIME, False) and not request.headers.get("Upgrade"):
        deadlines.enter_context(in_time())


def _end(_error: BaseException | None) -> None:
    deadlines: ExitStack | None = g.pop("deadlines", None)
    if deadlines is not None:
        deadlines.close()
