"""Password hashes (argon2id)."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TypeVar

import gevent
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from gevent import monkey
from werkzeug.exceptions import ServiceUnavailable

#: OWASP's first choice for argon2id; about 30 ms and 19 MiB a hash.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

#: Hashes that a process makes at a time, and those that may wait for it besides.
MOST_AT_ONCE, MOST_WAITING = 4, 40
_AT_ONCE = threading.BoundedSemaphore(MOST_AT_ONCE)
_WAITING = threading.BoundedSemaphore(MOST_AT_ONCE + MOST_WAITING)

Result = TypeVar("Result")


def hash_password(password: str) -> str:
    """An encoded argon2id hash with its own salt."""
    return _aside(lambda: _HASHER.hash(password))


def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password is right. Takes as long where there is no hash to compare with."""
    return _aside(lambda: _verify(stored, password))


def _verify(stored: str | None, password: str) -> bool:
    try:
        _HASHER.verify(stored or _nobodys_hash(), password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _HASHER.hash("nobody has this password")


def _aside(work: Callable[[], Result]) -> Result:
    with _place():
        return _in_thread(work)


@contextmanager
def _place() -> Iterator[None]:
    """One of the hashes that this process makes at a time. Raises ServiceUnavailable."""
    if not _WAITING.acquire(blocking=False):
        raise ServiceUnavailable(
            "Too many people sign in at once. Try again in a few seconds.", retry_after=3
        )
    try:
        with _AT_ONCE:
            yield
    finally:
        _WAITING.release()


def _in_thread(work: Callable[[], Result]) -> Result:
    # Hashing never yields: in a gevent worker it would hold up every other request meanwhile.
    if monkey.is_module_patched("threading"):
        result: Result = gevent.get_hub().threadpool.apply(work)
        return result
    return work()
