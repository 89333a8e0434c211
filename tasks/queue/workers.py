"""Which workers live, and what each does now: each says so in Redis every two seconds."""

import json
import os
import socket
import threading
from dataclasses import dataclass
from datetime import datetime

import redis

from tasks.feed import events
from tasks.infra.redis_client import get_redis
from tasks.models.clock import now

PREFIX = "dailies:worker:"
#: Seconds between two signs of life, and after how many a worker counts as gone.
BEAT_SECONDS = 2.0
GONE_SECONDS = 8


@dataclass(frozen=True)
class WorkerInfo:
    """A live worker process: its name (host:pid), when it was seen, job ids it works on."""

    name: str
    seen_at: datetime
    started_at: datetime
    doing: tuple[str, ...]


def worker_name() -> str:
    """The name of this process as a worker."""
    return f"{socket.gethostname()}:{os.getpid()}"


def workers() -> list[WorkerInfo]:
    """The live workers, by name. Raises redis.RedisError."""
    client = get_redis()
    keys = sorted(client.scan_iter(f"{PREFIX}*", count=1000))
    found = []
    for value in client.mget(keys) if keys else []:
        if value is not None:
            entry = json.loads(value)
            found.append(
                WorkerInfo(
                    name=entry["name"],
                    seen_at=datetime.fromisoformat(entry["seen_at"]),
                    started_at=datetime.fromisoformat(entry["started_at"]),
                    doing=tuple(entry["doing"]),
                )
            )
    return found


class Presence:
    """This worker's signs of life; ``doing`` holds the ids of what it works on."""

    def __init__(self) -> None:
        self._doing: set[str] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._started_at = now()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to beat, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Says goodbye."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(BEAT_SECONDS)
        try:
            get_redis().delete(PREFIX + worker_name())
        except redis.RedisError:
            return
        events.publish("workersChanged", worker=worker_name(), live=False)

    def begin(self, job_id: str) -> None:
        """A piece of work begins."""
        with self._lock:
            self._doing.add(job_id)

    def end(self, job_id: str) -> None:
        """It ended, however."""
        with self._lock:
            self._doing.discard(job_id)

    def _run(self) -> None:
        known = False
        while not self._stop.is_set():
            try:
                self._beat()
                if not known:
                    events.publish("workersChanged", worker=worker_name(), live=True)
                known = True
            except redis.RedisError:
                known = False
            self._stop.wait(BEAT_SECONDS)

    def _beat(self) -> None:
        with self._lock:
            doing = sorted(self._doing)
        entry = {
            "name": worker_name(),
            "seen_at": now().isoformat(),
            "started_at": self._started_at.isoformat(),
            "doing": doing,
        }
        get_redis().set(PREFIX + worker_name(), json.dumps(entry), ex=GONE_SECONDS)


presence = Presence()
