"""The messages that Redis holds, one by one: which there are, where each lies, and taking one out.

Dramatiq keeps a queue as a list of ids and a hash of id → message. An id that a worker fetched is
no longer in the list, but its message stays in the hash until the worker acknowledges it. Delayed
messages are in a queue of their own (``.DQ``).
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dramatiq.common import dq_name

from tasks import queue
from tasks.redis_client import get_redis_of_bytes

#: Takes a message out where it still lies in the list, so that none is taken from a worker.
_DROP = """
if redis.call('lrem', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
redis.call('hdel', KEYS[2], ARGV[1])
return 1
"""


@dataclass(frozen=True)
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
        for name in queue.ACTORS
        for message_id, job_id in queue.held_messages(name)
    }


def look_up(message_ids: Collection[str]) -> list[Message]:
    """Where messages lie; those that are gone by now are left out. Raises redis.RedisError."""
    found: list[Message] = []
    if not message_ids:
        return found
    client = get_redis_of_bytes()
    for queue_name in queue.ACTORS:
        for name in (dq_name(queue_name), queue_name):
            of_queue = []
            for key, data in client.hscan_iter(_messages(name), count=queue.SCAN_BATCH):
                entry = json.loads(data)
                if entry.get("message_id") in message_ids:
                    of_queue.append((key, entry))
            if not of_queue:
                continue
            listed: set[Any] = set(client.lrange(_list(name), 0, -1))
            for key, entry in of_queue:
                found.append(
                    Message(
                        queue_name=name,
                        key=key.decode(),
                        message_id=entry["message_id"],
                        job_id=queue.job_id_of(entry),
                        sent_at=datetime.fromtimestamp(entry["message_timestamp"] / 1000, UTC),
                        fetched=key not in listed,
                    )
                )
    return found


def drop(message: Message) -> bool:
    """Takes a queued message out; False where a worker has it or it is gone.

    Raises redis.RedisError.
    """
    names = (_list(message.queue_name), _messages(message.queue_name))
    return bool(get_redis_of_bytes().eval(_DROP, 2, *names, message.key))


def _list(queue_name: str) -> str:
    return f"{queue.NAMESPACE}:{queue_name}"


def _messages(queue_name: str) -> str:
    return f"{_list(queue_name)}.msgs"
