"""One wait for a Redis that hangs, not one for each call.

A Redis that is gone refuses at once; one that hangs costs every call its time-out, and a request
makes several: the rate limit, the message, the events. So the first call that waited in vain speaks
for all of this process: for some seconds the others are refused without a wait.
"""

import logging
import time
from typing import TYPE_CHECKING, Any

import redis
from redis.connection import Connection, parse_url

log = logging.getLogger(__name__)

#: Seconds in which nobody asks again.
PAUSE_SECONDS = 3.0

if TYPE_CHECKING:
    _Base = Connection
else:
    _Base = object


class Hangs(redis.TimeoutError):
    """Redis was not asked, as it let somebody wait in vain a moment ago."""


class Hanging:
    """What connections of one patience know together about one Redis.

    Those of ``briefer`` patience are told too; not the other way round, as a second without an
    answer is much to a request and little to the reconciler.
    """

    def __init__(self, briefer: "Hanging | None" = None) -> None:
        self._briefer = briefer
        self._until = 0.0
        self._told = False

    def refuse(self) -> None:
        """To be called before a wait. Raises Hangs."""
        if time.monotonic() < self._until:
            raise Hangs("Redis hangs, and was not asked again")

    def waited(self, error: Exception) -> None:
        """Somebody waited in vain."""
        self._until = time.monotonic() + PAUSE_SECONDS
        if self._briefer is not None:
            self._briefer.waited(error)
        elif not self._told:
            log.warning("Redis hangs: asked again every %g s (%s)", PAUSE_SECONDS, error)
        self._told = True

    def answered(self) -> None:
        """It answers."""
        if not self._told:
            return
        self._told, self._until = False, 0.0
        if self._briefer is not None:
            self._briefer.answered()
        else:
            log.info("Redis answers again")


class _Sparing(_Base):
    """Asks ``hanging`` before it waits, and tells it what came of that."""

    hanging: Hanging

    def connect_check_health(self, *args: Any, **options: Any) -> None:
        self.hanging.refuse()
        try:
            super().connect_check_health(*args, **options)
        except Hangs:
            raise
        except redis.TimeoutError as error:
            self.hanging.waited(error)
            raise

    def send_packed_command(self, *args: Any, **options: Any) -> None:
        self.hanging.refuse()
        super().send_packed_command(*args, **options)

    def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            answer = super().read_response(*args, **options)
        except redis.TimeoutError as error:
            self.hanging.waited(error)
            raise
        self.hanging.answered()
        return answer


class _Refusing(_Base):
    """A server that does not answer in time is one that is away: for who knows no time-outs."""

    def connect_check_health(self, *args: Any, **options: Any) -> None:
        try:
            super().connect_check_health(*args, **options)
        except redis.TimeoutError as error:
            raise _away(error) from None

    def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return super().read_response(*args, **options)
        except redis.TimeoutError as error:
            raise _away(error) from None


def _away(error: redis.TimeoutError) -> redis.ConnectionError:
    return redis.ConnectionError(f"Redis hangs: {error}")


def sparing(url: str, hanging: Hanging) -> type[Connection]:
    """The class of connections to a URL that share ``hanging``."""
    return type("SparingConnection", (_Sparing, _class_for(url)), {"hanging": hanging})


def refusing(url: str) -> type[Connection]:
    """The class of connections to a URL that raise ConnectionError instead of TimeoutError."""
    return type("RefusingConnection", (_Refusing, _class_for(url)), {})


def _class_for(url: str) -> type[Connection]:
    found: type[Connection] = parse_url(url).get("connection_class", Connection)
    return found
