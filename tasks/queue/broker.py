"""The broker, the queues, and what Redis holds for a work unit.

A message carries only ``(job_id, message_id)``: everything else is in the row, and a row knows the
one message that may start it, so a message that comes twice or late finds nothing to do.
"""

import json
import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dramatiq
import redis
from dramatiq.common import dq_name
from dramatiq.middleware import Retries
from redis.backoff import NoBackoff
from redis.retry import Retry

from tasks.infra.redis_client import get_brief_redis, get_redis, get_redis_of_bytes, redis_url
from tasks.infra.redis_hanging import refusing
from tasks.queue.signals import PromptBroker

log = logging.getLogger(__name__)

SPLIT = "split"
FIRST_CHUNKS = "transcode-first"
CHUNKS = "transcode"
AUDIO = "transcode-audio"
MERGE = "merge"
SUBTITLES = "extract-subtitles"
POSTER = "make-poster"
UPLOAD_HLS = "upload-hls-to-s3"
UPLOAD_SUBTITLE = "upload-subtitle-to-s3"
UPLOAD_MASTER = "upload-master-playlist"
BULK = "bulk-operations"
ANALYSE = "process-video"

#: Queue → actor. Their order is their priority in a worker: what is short goes first.
ACTORS = {
    BULK: "run_bulk",
    SPLIT: "split",
    MERGE: "merge",
    UPLOAD_MASTER: "upload_master",
    UPLOAD_SUBTITLE: "upload_subtitle",
    UPLOAD_HLS: "upload_hls",
    FIRST_CHUNKS: "encode_first_chunk",
    AUDIO: "encode_audio",
    SUBTITLES: "extract_subtitles",
    POSTER: "make_poster",
    ANALYSE: "process_video",
    CHUNKS: "encode_chunk",
}

#: A worker process takes nothing of the first queue while it works on something of the second: the
#: beginning of a film is encoded with all processors that there are.
BEHIND = {CHUNKS: FIRST_CHUNKS}

#: Milliseconds without a sign of life after which a worker's messages are given to others.
HEARTBEAT_TIMEOUT_MS = 15_000
#: Broker commands out of a million that look for such messages: all. It is one range of a short
#: sorted set, and each command looks after its own queue only, which an idle worker asks about once
#: a second: at one command in ten, a killed worker's message could lie for a minute.
MAINTENANCE_CHANCE = 1_000_000
#: Bounds of the wait before a message comes again whose actor could not even settle its row.
RETRY_MS, RETRY_MAX_MS = 1_000, 60_000
#: Seconds that a consumer waits for a connection to a Redis that hangs.
CONNECT_SECONDS = 2.0
#: Seconds that it waits for an answer: no command of its blocks.
ANSWER_SECONDS = 5.0
#: Hash entries read at a time.
SCAN_BATCH = 2_000

NAMESPACE = "dramatiq"

_broker: PromptBroker | None = None
_sender: PromptBroker | None = None


def get_broker() -> PromptBroker:
    """The broker of this process, made at the first call."""
    global _broker
    if _broker is None:
        # Dramatiq waits out a ConnectionError, and takes anything else for a bug of its own.
        client = redis.Redis.from_url(
            redis_url(),
            connection_class=refusing(redis_url()),
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 1),
        )
        _broker = PromptBroker(
            client=client,
            namespace=NAMESPACE,
            middleware=[Retries(min_backoff=RETRY_MS, max_backoff=RETRY_MAX_MS)],
            heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
            maintenance_chance=MAINTENANCE_CHANCE,
            behind=BEHIND,
        )
        dramatiq.set_broker(_broker)
    return _broker


def _get_sender() -> PromptBroker:
    # Apart from the broker that consumes: sending is done in requests, which cannot wait for a
    # Redis that hangs, and may give up, because the reconciler sends what was not sent.
    global _sender
    if _sender is None:
        _sender = PromptBroker(client=get_brief_redis(), namespace=NAMESPACE, middleware=[])
    return _sender


def new_message_id() -> str:
    """An id for a message that is going to be sent."""
    return str(uuid.uuid4())


def message_of(queue_name: str, job_id: str, message_id: str) -> "dramatiq.Message[None]":
    """A unit's message, not sent yet."""
    return dramatiq.Message(
        queue_name=queue_name,
        actor_name=ACTORS[queue_name],
        args=(job_id, message_id),
        kwargs={},
        options={},
        message_id=message_id,
    )


def send(queue_name: str, job_id: str, message_id: str) -> bool:
    """Puts a unit's message in its queue; False (and logged) where Redis is away."""
    return send_many([(queue_name, job_id, message_id)])


def send_many(messages: Sequence[tuple[str, str, str]]) -> bool:
    """Puts the messages of units in their queues, each as (queue, job id, message id).

    False (and logged) where Redis is away: then nobody knows which were sent.
    """
    try:
        _get_sender().enqueue_many([message_of(*message) for message in messages])
    except redis.RedisError as error:
        whose = messages[0][1] if len(messages) == 1 else f"{len(messages)} units"
        log.warning("message for %s not sent, the reconciler will: %s", whose, error)
        return False
    return True


def held_messages(queue_name: str) -> Iterator[tuple[str, str]]:
    """(message id, job id) of every message that is queued, delayed, or fetched and not done.

    The delayed ones come first: a message leaves there only after it has been queued, so one that
    moves meanwhile is seen. Raises redis.RedisError.
    """
    client = get_redis_of_bytes()
    for name in (dq_name(queue_name), queue_name):
        for key, data in client.hscan_iter(f"{NAMESPACE}:{name}.msgs", count=SCAN_BATCH):
            entry = entry_of(key, data)
            yield entry["message_id"], job_id_of(entry)


def entry_of(key: bytes, data: bytes) -> dict[str, Any]:
    """An encoded message of a hash of messages.

    One that cannot be read is for no unit, and as old as can be: what nobody can do is found as
    everything else is that has no row, and taken out.
    """
    try:
        entry = json.loads(data)
    except ValueError:
        entry = None
    if not isinstance(entry, dict) or not {"message_id", "message_timestamp"} <= set(entry):
        name = key.decode(errors="replace")
        return {"message_id": name, "args": [name], "message_timestamp": 0}
    return entry


def job_id_of(entry: Mapping[str, Any]) -> str:
    """The unit that an encoded message is for."""
    args = entry.get("args") or [""]
    return str(args[0])


def depths() -> dict[str, int]:
    """Messages held for each queue: queued, delayed, being worked on. Raises redis.RedisError."""
    pipe = get_redis().pipeline(transaction=False)
    for name in ACTORS:
        pipe.hlen(f"{NAMESPACE}:{name}.msgs")
        pipe.hlen(f"{NAMESPACE}:{dq_name(name)}.msgs")
    counts = pipe.execute()
    return {name: counts[2 * i] + counts[2 * i + 1] for i, name in enumerate(ACTORS)}
