"""The connection to Redis for everything but the broker's own."""

from functools import lru_cache
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tasks.database import NotConfigured
from tasks.settings import get_settings

#: Seconds that a call may wait for a server that is away or hangs.
PATIENCE = 2.0
#: The same for what can be done without: a request that tells of a job must not wait for the feed.
BRIEF = 1.0


@lru_cache(maxsize=4)
def _client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, decode_responses=True, **_options())


@lru_cache(maxsize=4)
def _client_of_bytes(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, **_options())


def _options() -> dict[str, Any]:
    return {
        "socket_connect_timeout": PATIENCE,
        # Reads of the event feed block for as long as a second.
        "socket_timeout": PATIENCE * 2,
        "retry": Retry(NoBackoff(), 1),
    }


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
    return _client(redis_url())


def get_redis_of_bytes() -> "redis.Redis":
    """The same with replies as they come, for reading much of which little is needed."""
    return _client_of_bytes(redis_url())


@lru_cache(maxsize=4)
def _brief_client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=BRIEF,
        socket_timeout=BRIEF,
        # A connection that broke is made anew; a server that hangs is not asked twice.
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


def get_brief_redis() -> "redis.Redis":
    """A client that gives up after a second (redis.TimeoutError), with replies as they come."""
    return _brief_client(redis_url())
