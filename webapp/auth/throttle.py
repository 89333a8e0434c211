"""A limit on guesses: of the password of one account, from one address."""

import hashlib
import logging
import time

import redis
from limits import RateLimitItem, RateLimitItemPerMinute
from werkzeug.exceptions import TooManyRequests

from webapp.auth.limits import counter

log = logging.getLogger(__name__)

MAX_FAILURES = 10
WINDOW_SECONDS = 600

_GUESSES: RateLimitItem = RateLimitItemPerMinute(MAX_FAILURES, WINDOW_SECONDS // 60, "sign-in")


def begin_attempt(email: str, address: str) -> None:
    """Counts an attempt to sign in. Raises TooManyRequests after ten that were not forgotten.

    It counts before the password is looked at, so that many guesses at once count too. Where Redis
    is away nothing is counted: that must not lock people out.
    """
    who = _who(email, address)
    try:
        if counter().hit(_GUESSES, who):
            return
        seconds = counter().get_window_stats(_GUESSES, who).reset_time - time.time()
    except redis.RedisError as error:
        log.warning("attempts to sign in are not counted: %s", error)
        return
    raise TooManyRequests(
        "Too many wrong passwords. Wait a few minutes, then try again.",
        retry_after=max(1, round(seconds)),
    )


def forget_attempts(email: str, address: str) -> None:
    """After a right password: starts counting anew."""
    try:
        counter().clear(_GUESSES, _who(email, address))
    except redis.RedisError as error:
        log.warning("attempts to sign in are not counted: %s", error)


def _who(email: str, address: str) -> str:
    return hashlib.sha256(f"{email.strip().lower()}\n{address}".encode()).hexdigest()
