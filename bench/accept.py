"""How soon convert-to-hls answers under a steady load.

Open loop: requests are due at fixed times whatever became of those before, and each is timed from
when it was due, so that a web process that stalls cannot hide it by slowing its clients down. No
worker runs: this is about accepting, and encoding would only take the processors away.
"""

import math
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from bench.client import Client
from bench.options import CannotMeasure, Options
from bench.report import Result
from bench.stack import Stack, running_stack

PER_SECOND = 20
SECONDS, QUICK_SECONDS = 15, 5
#: Requests before the clock runs, for what a process loads when it is asked for the first time.
WARM_UP = 20
#: Clients: as many requests can be under way when the web process stalls.
CLIENTS = 40


def measure(options: Options) -> list[Result]:
    """Latencies at 20 requests a second, each for another video. Raises CannotMeasure."""
    count = PER_SECOND * (QUICK_SECONDS if options.quick else SECONDS)
    wanted = ("web", "reconciler")
    with running_stack(options.folder / "accept", options.settings, wanted) as stack:
        videos = _make_videos(stack, count + WARM_UP)
        client = Client(stack.url, stack.token)
        for media_id, key in videos[:WARM_UP]:
            client.convert(media_id, key)
        client.close()
        latencies = _offer(stack, videos[WARM_UP:])
        _check_jobs_made(stack, count + WARM_UP)
    load = f"{PER_SECOND}/s, no worker running"
    return [
        Result(f"convert answers, median, {load}", percentile(latencies, 50), "ms"),
        Result(f"convert answers, p95, {load}", percentile(latencies, 95), "ms", 50),
        Result(f"convert answers, slowest, {load}", max(latencies), "ms"),
    ]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least ``percent`` of 100 of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def _make_videos(stack: Stack, count: int) -> list[tuple[str, str]]:
    """Rows as uploads leave them, (id, key); no file is needed as long as no worker looks."""
    media = stack.servers.mongo_client.get_default_database()["media"]
    rows: list[dict[str, Any]] = []
    for _ in range(count):
        media_id = str(uuid.uuid4())
        rows.append(
            {
                "media_id": media_id,
                "filename": "film.mp4",
                "source_key": f"sources/{media_id}/film.mp4",
                "size": 1_000_000,
                "content_type": "video/mp4",
                "created_at": datetime.now(UTC),
                "jobs_made": 0,
            }
        )
    media.insert_many(rows)
    return [(row["media_id"], row["source_key"]) for row in rows]


def _offer(stack: Stack, videos: Sequence[tuple[str, str]]) -> list[float]:
    """Milliseconds from when each request was due until it was answered."""
    local = threading.local()

    def ask(due: float, media_id: str, key: str) -> float:
        if not hasattr(local, "client"):
            local.client = Client(stack.url, stack.token)
        local.client.convert(media_id, key)
        return (time.monotonic() - due) * 1000

    with ThreadPoolExecutor(CLIENTS) as pool:
        begin = time.monotonic() + 0.1
        answers = []
        for number, (media_id, key) in enumerate(videos):
            due = begin + number / PER_SECOND
            time.sleep(max(0.0, due - time.monotonic()))
            answers.append(pool.submit(ask, due, media_id, key))
        return [answer.result() for answer in answers]


def _check_jobs_made(stack: Stack, count: int) -> None:
    """An answer counts only where it made a job with a message. Raises CannotMeasure."""
    jobs = stack.servers.mongo_client.get_default_database()["transcode_jobs"]
    made = jobs.count_documents({})
    sent: Any = stack.servers.redis_client.hlen("dramatiq:split.msgs")
    if made != count or sent != count:
        raise CannotMeasure(f"{count} were accepted, {made} jobs made, {sent} messages sent")
