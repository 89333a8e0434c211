"""The messages that Redis holds, one by one: which there are, where each lies, and taking one out.

Dramatiq keeps a queue as a list of ids and a hash of id → message. An id that a worker fetched is
no longer in the list, but its message stays in the hash until the worker acknowledges it. Delayed
messages are in a queue of their own (``.DQ``).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dramatiq.common import dq_name

from tasks.infra.redis_client import get_redis_of_bytes
from tasks.queue import broker

#: Takes messages out where they still lie in the list, so that none is taken from a worker. Many
#: are marked in one walk over the list, and go with the next; each by itself would walk anew.
_DROP = """
local gone = {}
if #ARGV <= 4 then
  for _, id in ipairs(ARGV) do
    if redis.call('lrem', KEYS[1], 0, id) > 0 then gone[#gone + 1] = id end
  end
else
  local wanted = {}
  for _, id in ipairs(ARGV) do wanted[id] = true end
  for i, id in ipairs(redis.call('lrange', KEYS[1], 0, -1)) do
    if wanted[id] then
      redis.call('lset', KEYS[1], i - 1, '')
      gone[#gone + 1] = id
    end
  end
  redis.call('lrem', KEYS[1], 0, '')
end
for _, id in ipairs(gone) do redis.call('hdel', KEYS[2], id) end
return gone
"""
#: Messages that one such call takes out.
DROPPED_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``key`` is its id in the hash of ``queue_name`` (which may be a ``.DQ``).

    ``fetched``: a worker has it. Sending a message twice gives two of the same ``message_id``.
    """

    queue_name: str
    key: str
    message_id: str
    job_id: str
    sent_at: datetime
    fetched: bool


def held_ids() -> dict[str, str]:
    """Message id → job id of everything queued, delayed, or fetched and not done.

    The delayed ones come first: a message leaves there only after it has been queued, so one that
    moves meanwhile is seen. Raises redis.RedisError.
    """
    return {
        message_id: job_id
        for name in broker.ACTORS
        for message_id, job_id in broker.held_messages(name)
    }


def look_up(message_ids: Collection[str]) -> Iterator[Message]:
    """Where messages lie; those that are gone by now are left out. Raises redis.RedisError."""
    if not message_ids:
        return
    client = get_redis_of_bytes()
    for queue_name in broker.ACTORS:
        for name in (dq_name(queue_name), queue_name):
            # Read once a queue: a message that a worker fetches afterwards counts as queued, and
            # cannot be taken out all the same.
            listed: set[Any] | None = None
            for key, data in client.hscan_iter(_messages(name), count=broker.SCAN_BATCH):
                entry = broker.entry_of(key, data)
                if entry.get("message_id") not in message_ids:
                    continue
                if listed is None:
                    listed = set(client.lrange(_list(name), 0, -1))
                yield Message(
                    queue_name=name,
                    key=key.decode(),
                    message_id=entry["message_id"],
                    job_id=broker.job_id_of(entry),
                    sent_at=datetime.fromtimestamp(entry["message_timestamp"] / 1000, UTC),
                    fetched=key not in listed,
                )


def drop(messages: Collection[Message]) -> set[str]:
    """Takes queued messages out; the keys of those that were.

    The others are with a worker, or gone. Raises redis.RedisError.
    """
    client = get_redis_of_bytes()
    keys: dict[str, list[str]] = {}
    for message in messages:
        keys.setdefault(message.queue_name, []).append(message.key)
    gone: set[str] = set()
    for queue_name, of_queue in keys.items():
        for start in range(0, len(of_queue), DROPPED_AT_ONCE):
            some = of_queue[start : start + DROPPED_AT_ONCE]
            reply: Any = client.eval(_DROP, 2, _list(queue_name), _messages(queue_name), *some)
            gone.update(key.decode() for key in reply)
    return gone


def _list(queue_name: str) -> str:
    return f"{broker.NAMESPACE}:{queue_name}"


def _messages(queue_name: str) -> str:
    return f"{_list(queue_name)}.msgs"
