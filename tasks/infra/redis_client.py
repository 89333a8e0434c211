"""The connections to Redis for everything but the broker's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tasks.infra.database import NotConfigured
from tasks.infra.redis_hanging import Hanging, sparing
from tasks.settings import get_settings

#: Seconds that a call may wait for a server that is away or hangs.
PATIENCE = 2.0
#: The same for what can be done without, and in requests: people wait for them.
BRIEF = 1.0

_briefly: ContextVar[bool] = ContextVar("briefly", default=False)


@contextmanager
def briefly() -> Iterator[None]:
    """Whoever asks for a client inside gets one that gives up after a second."""
    before = _briefly.set(True)
    try:
        yield
    finally:
        _briefly.reset(before)


def redis_url() -> str:
    """The Redis of this installation. Raises NotConfigured."""
    url = get_settings().redis_url
    if url is None:
        raise NotConfigured(
            "REDIS_URL is not set: set it to a Redis, or start everything with `dailies up`"
        )
    return url


def get_redis() -> "redis.Redis":
    """A client with text replies and short patience."""
    make = _brief_client if _briefly.get() else _client
    return make(redis_url(), True)


def get_redis_of_bytes() -> "redis.Redis":
    """The same with replies as they come, for reading much of which little is needed."""
    make = _brief_client if _briefly.get() else _client
    return make(redis_url(), False)


def get_brief_redis() -> "redis.Redis":
    """A client that gives up after a second (redis.TimeoutError), with replies as they come."""
    return _brief_client(redis_url(), False)


@lru_cache(maxsize=4)
def _client(url: str, text: bool) -> "redis.Redis":
    return redis.Redis.from_url(
        url,
        decode_responses=text,
        connection_class=sparing(url, _hanging(url)),
        socket_connect_timeout=PATIENCE,
        # Reads of the event feed block for as long as a second.
        socket_timeout=PATIENCE * 2,
        retry=Retry(NoBackoff(), 1),
    )


@lru_cache(maxsize=4)
def _brief_client(url: str, text: bool) -> "redis.Redis":
    return redis.Redis.from_url(
        url,
        decode_responses=text,
        connection_class=sparing(url, _hanging_brief(url)),
        socket_connect_timeout=BRIEF,
        socket_timeout=BRIEF,
        # A connection that broke is made anew; a server that hangs is not asked twice.
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


@lru_cache(maxsize=4)
def _hanging_brief(url: str) -> Hanging:
    return Hanging()


@lru_cache(maxsize=4)
def _hanging(url: str) -> Hanging:
    return Hanging(briefer=_hanging_brief(url))
