"""Rows and messages for the reconciler's benchmark, written as plain documents in batches."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from tasks import queue
from tests.servers import Servers

#: Rows or messages sent to a server at a time.
BATCH = 5_000
#: The worker that the expired leases name; Redis has no sign of life of it.
DEAD_WORKER = "machine:1"


def fill(
    servers: Servers, jobs: int, parts: int, *, sent: bool = True, leased: bool = False
) -> None:
    """Unfinished jobs with so many parts each: chunks of a film, or where it is one, a split.

    ``sent``: their messages are in Redis. ``leased``: a worker fetched each, and its lease ran out.
    """
    ids = [str(uuid.uuid4()) for _ in range(jobs)]
    _jobs(servers, ids, "waiting" if parts == 1 and not leased else "active", parts)
    kind, queue_name = ("split", queue.SPLIT) if parts == 1 else ("chunk", queue.CHUNKS)
    steps = (_step(job_id, kind, i, queue_name, leased) for job_id in ids for i in range(parts))
    collection = servers.mongo_client.get_default_database()["steps"]
    for batch in _batches(steps):
        collection.insert_many(batch)
        if sent:
            _send(servers, queue_name, batch, fetched=leased)


def fill_finished(servers: Servers, rows: int) -> None:
    """Completed jobs with three completed steps each: so many rows together."""
    ids = [str(uuid.uuid4()) for _ in range(rows // 4)]
    _jobs(servers, ids, "completed", 3)
    steps = (_step(job_id, "chunk", i, queue.CHUNKS, False) for job_id in ids for i in range(3))
    collection = servers.mongo_client.get_default_database()["steps"]
    over = {"status": "completed", "message_id": None}
    for batch in _batches(steps):
        collection.insert_many([{**step, **over} for step in batch])


def _jobs(servers: Servers, ids: list[str], status: str, parts: int) -> None:
    collection = servers.mongo_client.get_default_database()["transcode_jobs"]
    moment = _long_ago()
    for batch in _batches(iter(ids)):
        collection.insert_many(
            [
                {
                    "job_id": job_id,
                    "media_id": job_id,
                    "name": "Film",
                    "status": status,
                    "phase": "splitting" if parts == 1 else "transcoding",
                    "created_at": moment,
                    "updated_at": moment,
                    "history": [{"at": moment, "status": "waiting", "who": "a", "why": "b"}],
                }
                for job_id in batch
            ]
        )


def _step(job_id: str, kind: str, index: int, queue_name: str, leased: bool) -> dict[str, Any]:
    moment = _long_ago()
    step: dict[str, Any] = {
        "job_id": f"{job_id}.{kind}.{index:05d}",
        "transcode_id": job_id,
        "kind": kind,
        "index": index,
        "status": "waiting",
        "queue_name": queue_name,
        "message_id": str(uuid.uuid4()),
        "frames": 600,
        "history": [{"at": moment, "status": "waiting", "who": "a", "why": "b"}],
        "created_at": moment,
        "updated_at": moment,
    }
    if leased:
        lease = {"worker": DEAD_WORKER, "token": uuid.uuid4().hex, "expires_at": moment}
        step |= {"status": "active", "attempt": 1, "lease": lease}
    return step


def _send(servers: Servers, queue_name: str, steps: list[dict[str, Any]], fetched: bool) -> None:
    pipe = servers.redis_client.pipeline(transaction=False)
    for step in steps:
        message = queue.message_of(queue_name, step["job_id"], step["message_id"])
        key = str(uuid.uuid4())
        data = message.copy(options={"redis_message_id": key}).encode()
        pipe.hset(f"{queue.NAMESPACE}:{queue_name}.msgs", key, data)
        if fetched:
            pipe.sadd(f"{queue.NAMESPACE}:__acks__.{DEAD_WORKER}.{queue_name}", key)
        else:
            pipe.rpush(f"{queue.NAMESPACE}:{queue_name}", key)
    pipe.execute()


def _long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(minutes=10)


def _batches(items: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(islice(items, BATCH)):
        yield batch
