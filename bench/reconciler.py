"""One pass of the reconciler over a hundred thousand rows and as many messages.

The rows agree with the queue, so the pass reads and judges everything and repairs nothing: that is
what it does every few seconds. Two shapes: films being encoded, four chunks out of each, and jobs
that all wait to be looked at. The pass runs in a process of its own.
"""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from bench.options import CannotMeasure, Options
from bench.report import Result
from tasks import queue
from tests.servers import Servers, isolate_environment
from webapp.commands.checkout import ROOT

MESSAGES, QUICK_MESSAGES = 100_000, 5_000
#: Rows or messages sent to a server at a time.
BATCH = 5_000
#: Chunks that one film has out at a time.
CHUNKS_OUT = 4
GOAL_SECONDS, GOAL_MB = 5, 200

_PASS = """
import json, resource, time
from tasks.database import connect, ensure_indexes
from tasks.reconciler import reconcile
connect()
ensure_indexes()
seconds = []
for _ in range(3):
    started = time.monotonic()
    result = reconcile()
    seconds.append(time.monotonic() - started)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "mb": peak, "made": result.made[:5],
                  "left": len(result.left)}))
"""


def measure(options: Options) -> list[Result]:
    """Time and memory of a pass over both shapes. Raises CannotMeasure."""
    count = QUICK_MESSAGES if options.quick else MESSAGES
    folder = options.folder / "reconciler"
    folder.mkdir()
    isolate_environment()
    servers = Servers(folder)
    results: list[Result] = []
    try:
        servers.start()
        for name, chunks in (("films being encoded", CHUNKS_OUT), ("jobs that wait", 1)):
            jobs = count // chunks
            servers.clean()
            _fill(servers, jobs, chunks)
            seconds, megabytes = _pass(servers)
            what = f"{count + jobs:,} rows, {count:,} messages, {name}"
            results += [
                Result(f"reconciler pass, {what}", seconds, "s", GOAL_SECONDS),
                Result(f"reconciler's peak memory, {what}", megabytes, "MB", GOAL_MB),
            ]
    finally:
        servers.stop()
    return results


def _pass(servers: Servers) -> tuple[float, float]:
    """The slowest of three passes in seconds, and the peak of the process in MB."""
    environment = {**os.environ, **servers.environment(), "DAILIES_LOG_LEVEL": "warning"}
    done = subprocess.run(
        [sys.executable, "-c", _PASS], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        raise CannotMeasure(done.stderr[-2000:])
    said = json.loads(done.stdout.splitlines()[-1])
    if said["made"] or said["left"]:
        raise CannotMeasure(f"the pass found drift where there is none: {said}")
    return max(said["seconds"]), said["mb"]


def _fill(servers: Servers, jobs: int, chunks: int) -> None:
    """Jobs with so many queued parts each: chunks of a film, or where it is one, a split."""
    database = servers.mongo_client.get_default_database()
    long_ago = datetime.now(UTC) - timedelta(minutes=10)
    ids = [str(uuid.uuid4()) for _ in range(jobs)]
    status = "waiting" if chunks == 1 else "active"
    for batch in _batches(iter(ids)):
        database["transcode_jobs"].insert_many(
            [
                {
                    "job_id": job_id,
                    "media_id": job_id,
                    "name": "Film",
                    "status": status,
                    "phase": "splitting" if chunks == 1 else "transcoding",
                    "created_at": long_ago,
                    "updated_at": long_ago,
                    "history": [{"at": long_ago, "status": "waiting", "who": "a", "why": "b"}],
                }
                for job_id in batch
            ]
        )
    kind, queue_name = ("split", queue.SPLIT) if chunks == 1 else ("chunk", queue.CHUNKS)
    steps = (_step(job_id, kind, i, queue_name) for job_id in ids for i in range(chunks))
    for batch in _batches(steps):
        rows = [{**step, "created_at": long_ago, "updated_at": long_ago} for step in batch]
        database["steps"].insert_many(rows)
        pipe = servers.redis_client.pipeline(transaction=False)
        for step in batch:
            message = queue.message_of(queue_name, step["job_id"], step["message_id"])
            key = str(uuid.uuid4())
            data = message.copy(options={"redis_message_id": key}).encode()
            pipe.hset(f"{queue.NAMESPACE}:{queue_name}.msgs", key, data)
            pipe.rpush(f"{queue.NAMESPACE}:{queue_name}", key)
        pipe.execute()


def _step(job_id: str, kind: str, index: int, queue_name: str) -> dict[str, Any]:
    return {
        "job_id": f"{job_id}.{kind}.{index:05d}",
        "transcode_id": job_id,
        "kind": kind,
        "index": index,
        "status": "waiting",
        "queue_name": queue_name,
        "message_id": str(uuid.uuid4()),
        "frames": 600,
        "history": [],
    }


def _batches(items: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(islice(items, BATCH)):
        yield batch
