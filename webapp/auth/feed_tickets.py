"""Tickets for the event feed: what a script shows in place of its token when it opens a WebSocket.

A browser's WebSocket can send no header but the sub-protocol, and proxies log addresses and headers
that they do not know to be secret. So a script asks for a ticket first, with its token where tokens
belong, and shows that: it opens one socket, once, within a minute, and from the same origin only.
Redis keeps tickets by their digest; where it is away there are none, nor any events.
"""

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass

from tasks.infra.redis_client import get_redis

#: Seconds that a ticket is good for.
SECONDS = 60


@dataclass(frozen=True)
class Holder:
    """The holder of a ticket: by which session or token, and on a page of which origin."""

    session_key: str | None
    token_digest: str | None
    origin: str | None


def issue(holder: Holder) -> str:
    """A new ticket. Raises redis.RedisError."""
    ticket = secrets.token_urlsafe(24)
    get_redis().set(_key(ticket), json.dumps(asdict(holder)), ex=SECONDS)
    return ticket


def redeem(ticket: str, origin: str | None) -> Holder | None:
    """Uses a ticket up; None where it is unknown, used, too old, or was asked for elsewhere.

    Raises redis.RedisError.
    """
    kept = get_redis().getdel(_key(ticket))
    if kept is None:
        return None
    holder = Holder(**json.loads(str(kept)))
    return holder if holder.origin in (None, origin) else None


def _key(ticket: str) -> str:
    return f"dailies:feed-ticket:{hashlib.sha256(ticket.encode()).hexdigest()}"
