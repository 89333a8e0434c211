"""Password hashes (argon2id)."""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import gevent
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from gevent import monkey

#: OWASP's first choice for argon2id; about 30 ms and 19 MiB a hash.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

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
    # Hashing never yields: in a gevent worker it would hold up every other request meanwhile.
    if monkey.is_module_patched("threading"):
        result: Result = gevent.get_hub().threadpool.apply(work)
        return result
    return work()
