"""A limit on guesses: counted in Redis, for every web process together."""

import hashlib
import logging

import redis
from werkzeug.exceptions import TooManyRequests

from tasks.database import NotConfigured
from tasks.redis_client import get_redis

log = logging.getLogger(__name__)

MAX_FAILURES = 10
WINDOW_SECONDS = 600


def begin_attempt(email: str, address: str) -> None:
    """Counts an attempt to sign in. Raises TooManyRequests after ten that were not forgotten.

    Where Redis is away nothing is counted: that must not lock people out.
    """
    key = _key(email, address)
    try:
        with get_redis().pipeline() as pipe:
            # The window begins with the first attempt, and later ones don't prolong it.
            pipe.set(key, 0, ex=WINDOW_SECONDS, nx=True)
            pipe.incr(key)
            pipe.ttl(key)
            _, attempts, seconds = pipe.execute()
    except (redis.RedisError, NotConfigured) as error:
        log.warning("attempts to sign in are not counted: %s", error)
        return
    if attempts > MAX_FAILURES:
        raise TooManyRequests(
            "Too many wrong passwords. Wait a few minutes, then try again.",
            retry_after=max(1, seconds),
        )


def forget_attempts(email: str, address: str) -> None:
    """After a right password: starts counting anew."""
    try:
        get_redis().delete(_key(email, address))
    except (redis.RedisError, NotConfigured) as error:
        log.warning("attempts to sign in are not counted: %s", error)


def _key(email: str, address: str) -> str:
    who = hashlib.sha256(f"{email.strip().lower()}\n{address}".encode()).hexdigest()
    return f"dailies:sign-in:{who}"
