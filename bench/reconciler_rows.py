"""Rows and messages for the reconciler's benchmark, written as plain documents in batches."""

import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from tasks.models.batches import batches
from tasks.queue import broker
from tests.servers import Servers

#: Rows or messages sent to a server at a time.
BATCH = 5_000
#: The worker that the expired leases name; Redis has no sign of life of it.
DEAD_WORKER = "machine:1"
#: Steps of a finished job.
STEPS = 19
#: Threads that write finished rows.
WRITERS = 3


def fill_waiting(servers: Servers, jobs: int) -> None:
    """Jobs that wait, each with its first step, and the message of each step in its queue."""
    database = servers.mongo_client.get_default_database()
    for ids in batches(_ids(jobs), BATCH):
        database["transcode_jobs"].insert_many([_job(job_id, "waiting") for job_id in ids])
        steps = [_step(job_id, "split", 0, broker.SPLIT) for job_id in ids]
        database["steps"].insert_many(steps)
        _send(servers, steps)


def fill_finished(servers: Servers, rows: int) -> None:
    """Completed jobs with their completed steps: so many rows together."""
    database = servers.mongo_client.get_default_database()
    over = {"status": "completed", "message_id": None}

    def insert(ids: list[str]) -> None:
        jobs = [_job(job_id, "completed") for job_id in ids]
        database["transcode_jobs"].insert_many(jobs, ordered=False)
        steps = (_step(i, "chunk", n, broker.CHUNKS) | over for i in ids for n in range(STEPS))
        for some in batches(steps, BATCH):
            database["steps"].insert_many(some, ordered=False)

    # While the database writes for one, another makes its rows.
    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(insert, batches(_ids(rows // (STEPS + 1)), BATCH // STEPS)))


def lose_messages(servers: Servers) -> None:
    """Redis comes up empty."""
    servers.redis_client.flushall()


def lose_workers(servers: Servers) -> None:
    """All that waits is with a worker that died: its leases ran out, its messages stay."""
    database = servers.mongo_client.get_default_database()
    waiting = {"status": "waiting"}
    lease = {"worker": DEAD_WORKER, "token": "$message_id", "expires_at": _long_ago()}
    begun = {"status": "active", "updated_at": _long_ago()}
    database["steps"].update_many(waiting, [{"$set": {**begun, "attempt": 1, "lease": lease}}])
    database["transcode_jobs"].update_many(waiting, {"$set": {**begun, "attempt": 1}})
    fetched = f"{broker.NAMESPACE}:__acks__.{DEAD_WORKER}.{broker.SPLIT}"
    listed = f"{broker.NAMESPACE}:{broker.SPLIT}"
    while keys := servers.redis_client.lpop(listed, BATCH):
        servers.redis_client.sadd(fetched, *keys)


def _job(job_id: str, status: str) -> dict[str, Any]:
    moment = _long_ago()
    return {
        "job_id": job_id,
        "media_id": job_id,
        "name": "Film",
        "status": status,
        "phase": "splitting",
        "created_at": moment,
        "updated_at": moment,
        "history": [{"at": moment, "status": "waiting", "who": "a", "why": "b"}],
    }


def _step(job_id: str, kind: str, index: int, queue_name: str) -> dict[str, Any]:
    moment = _long_ago()
    return {
        "job_id": f"{job_id}.{kind}.{index:05d}",
        "transcode_id": job_id,
        "kind": kind,
        "index": index,
        "status": "waiting",
        "queue_name": queue_name,
        "message_id": broker.new_message_id(),
        "frames": 600,
        "history": [{"at": moment, "status": "waiting", "who": "a", "why": "b"}],
        "created_at": moment,
        "updated_at": moment,
    }


def _send(servers: Servers, steps: Iterable[dict[str, Any]]) -> None:
    pipe = servers.redis_client.pipeline(transaction=False)
    for step in steps:
        message = broker.message_of(step["queue_name"], step["job_id"], step["message_id"])
        key = str(uuid.uuid4())
        data = message.copy(options={"redis_message_id": key}).encode()
        pipe.hset(f"{broker.NAMESPACE}:{step['queue_name']}.msgs", key, data)
        pipe.rpush(f"{broker.NAMESPACE}:{step['queue_name']}", key)
    pipe.execute()


def _ids(count: int) -> Iterator[str]:
    return (str(uuid.uuid4()) for _ in range(count))


def _long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(minutes=10)
