"""Limits on guesses of passwords: for one account from one address, for each, and for all."""

import hashlib
import ipaddress
import logging
import time

import redis
from limits import RateLimitItem, RateLimitItemPerMinute
from werkzeug.exceptions import TooManyRequests

from webapp.auth.limits import counter

log = logging.getLogger(__name__)

WINDOW_SECONDS = 600
#: Attempts in that time for one account from one address.
MAX_FAILURES = 10
#: Attempts in that time for one account from anywhere, and from one address for any account.
MAX_FOR_ACCOUNT = 50
MAX_FROM_ADDRESS = 100


def _limit(attempts: int, name: str) -> RateLimitItem:
    return RateLimitItemPerMinute(attempts, WINDOW_SECONDS // 60, name)


_PAIR = _limit(MAX_FAILURES, "sign-in")
_ACCOUNT = _limit(MAX_FOR_ACCOUNT, "sign-in-account")
_ADDRESS = _limit(MAX_FROM_ADDRESS, "sign-in-address")


def begin_attempt(email: str, address: str | None) -> None:
    """Counts an attempt to give a password. Raises TooManyRequests beyond the limits.

    It counts before the password is looked at, so that many guesses at once count too. ``address``
    is None for who is signed in. Where Redis is away nothing is counted: that must not lock people
    out; how many hashes a process makes at a time is limited all the same.
    """
    try:
        for limit, who in _counted(email, address):
            if not counter().hit(limit, who):
                seconds = counter().get_window_stats(limit, who).reset_time - time.time()
                break
        else:
            return
    except redis.RedisError as error:
        log.warning("attempts to sign in are not counted: %s", error)
        return
    raise TooManyRequests(
        "Too many wrong passwords. Wait a few minutes, then try again.",
        retry_after=max(1, round(seconds)),
    )


def forget_attempts(email: str, address: str | None) -> None:
    """After a right password: the account is counted anew from this address."""
    try:
        counter().clear(_PAIR, _digest(email, network(address)))
    except redis.RedisError as error:
        log.warning("attempts to sign in are not counted: %s", error)


def network(address: str | None) -> str:
    """The client behind an address: itself, or the /64 of an IPv6 address, one machine's."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return address or ""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((int(ip), 64), strict=False))
    return str(ip)


def _counted(email: str, address: str | None) -> list[tuple[RateLimitItem, str]]:
    where = network(address)
    counted = [(_PAIR, _digest(email, where))]
    if address is not None:
        counted += [(_ADDRESS, _digest("", where)), (_ACCOUNT, _digest(email, ""))]
    return counted


def _digest(email: str, where: str) -> str:
    return hashlib.sha256(f"{email.strip().lower()}\n{where}".encode(errors="replace")).hexdigest()
