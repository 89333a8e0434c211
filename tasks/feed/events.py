"""The event feed: every transition, and progress now and then, as entries of one Redis stream.

The feed tells what happened; MongoDB says what is. So a feed that is away costs liveliness only,
and publishing never fails and never waits long.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from tasks.feed.event_fields import ACCESS_ENDED, KINDS
from tasks.infra.redis_client import get_brief_redis, get_redis
from tasks.infra.redis_hanging import Hangs

log = logging.getLogger(__name__)

STREAM = "dailies:events"
#: Entries kept for those who reconnect, about.
KEPT = 10_000
#: Entries read at a time.
BATCH = 500
#: The id before all others: an empty stream's last one.
NOTHING = "0-0"

#: Adds entries of name and data: one command with many words costs a third of many commands.
_ADD = """
for i = 2, #ARGV, 2 do
  local words = {'name', ARGV[i], 'data', ARGV[i + 1]}
  redis.call('xadd', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(words))
end
"""


@dataclass(frozen=True)
class Event:
    """One entry: ``id`` orders them, ``data`` has camelCase fields of plain values."""

    id: str
    name: str
    data: dict[str, Any]

    @property
    def for_all(self) -> bool:
        """Whether who listens is told: not of what cannot be read, or is between web processes."""
        return self.name not in ("", ACCESS_ENDED)


def publish(name: str, **data: Any) -> None:
    """Adds an entry; where Redis is away it is logged and dropped.

    Where Redis hangs somebody waits for a second, and then nobody for some.
    """
    publish_many([(name, data)])


def publish_many(entries: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Adds entries of name and data in one round trip; otherwise as ``publish``."""
    if not entries:
        return
    told: list[str | int] = [KEPT]
    for name, data in entries:
        told += [name, json.dumps(_fields(name, data), default=str)]
    try:
        get_brief_redis().eval(_ADD, 1, STREAM, *told)
    except Hangs as error:
        log.debug("event %s not published: %s", entries[0][0], error)
    except redis.RedisError as error:
        log.warning("event %s not published: %s", entries[0][0], error)


def _fields(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    fields = {key: value for key, value in data.items() if value is not None}
    if name in KINDS:
        fields["kind"] = KINDS[name].value
    return fields


def _event(entry_id: str, fields: Mapping[str, str]) -> Event:
    try:
        data = json.loads(fields["data"])
        return Event(id=entry_id, name=fields["name"], data=dict(data))
    except (KeyError, TypeError, ValueError):
        # Not written by us. Its id counts all the same, or readers would never come past it.
        return Event(id=entry_id, name="", data={})


def place(entry_id: str) -> tuple[int, int]:
    """An id's place in the order of all: milliseconds, and a number within them."""
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)


def last_id() -> str:
    """The id after which everything is new. Raises redis.RedisError."""
    newest: Any = get_redis().xrevrange(STREAM, count=1)
    return str(newest[0][0]) if newest else NOTHING


def oldest_id() -> str | None:
    """The id of the oldest entry that is kept, if there is any. Raises redis.RedisError."""
    oldest: Any = get_redis().xrange(STREAM, count=1)
    return str(oldest[0][0]) if oldest else None


def tail(after: str | None = None, block_ms: int = 1000) -> list[Event]:
    """The entries after an id, oldest first; waits up to ``block_ms`` for one.

    An entry that cannot be read has no name. Without ``after`` only entries from now on. Raises
    redis.RedisError where Redis is away.
    """
    reply: Any = get_redis().xread({STREAM: after or "$"}, count=BATCH, block=block_ms)
    return [_event(entry_id, fields) for _, entries in reply or [] for entry_id, fields in entries]


def between(after: str, upto: str, count: int) -> tuple[str | None, list[Event]]:
    """The oldest id that is kept, and up to ``count`` entries after one id and up to another.

    Both as they were at one moment: nothing is missing where ``after`` is not older than the
    oldest. Raises redis.RedisError.
    """
    pipeline = get_redis().pipeline(transaction=True)
    pipeline.xrange(STREAM, count=1)
    pipeline.xrange(STREAM, min=f"({after}", max=upto, count=count)
    oldest, entries = pipeline.execute()
    return (
        str(oldest[0][0]) if oldest else None,
        [_event(entry_id, fields) for entry_id, fields in entries],
    )
