"""What waits in the queues: how much, since when; and the peaks of each hour of the last month.

Rows cannot tell later how many waited at some hour, so the reconciler notes it while it is so.
"""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis
from dramatiq.common import dq_name

from tasks.infra.redis_client import get_redis
from tasks.models import Kind
from tasks.models.backlog_hour import BacklogHour
from tasks.models.clock import now
from tasks.queue import broker

log = logging.getLogger(__name__)

#: Seconds between two notes.
NOTE_SECONDS = 10.0

UPLOADS = frozenset({broker.UPLOAD_HLS, broker.UPLOAD_SUBTITLE, broker.UPLOAD_MASTER})

_noted_at = float("-inf")


@dataclass(frozen=True)
class QueueState:
    """``waiting``: messages that nobody has fetched; ``delayed``: those whose time comes later;
    ``running``: those that a worker has. ``oldest`` is when the oldest waiting one was sent."""

    name: str
    waiting: int
    delayed: int
    running: int
    oldest: datetime | None


@dataclass(frozen=True)
class Peak:
    """The most messages that waited, and the longest wait in seconds, within one hour or day."""

    waiting: int
    oldest: float


def kind_of(queue_name: str) -> Kind | None:
    """The kind of job that a queue works for; None for one that works for neither."""
    if queue_name in (broker.BULK, broker.ANALYSE):
        return None
    return Kind.upload if queue_name in UPLOADS else Kind.transcode


def queues() -> list[QueueState]:
    """Every queue, in the order of their priority. Raises redis.RedisError.

    What was sent first is at the head; what came back from a worker is at the tail and may be
    older.
    """
    client = get_redis()
    names = list(broker.ACTORS)
    pipe = client.pipeline(transaction=False)
    for name in names:
        key = f"{broker.NAMESPACE}:{name}"
        pipe.llen(key)
        pipe.hlen(f"{key}.msgs")
        pipe.hlen(f"{broker.NAMESPACE}:{dq_name(name)}.msgs")
        pipe.lindex(key, 0)
        pipe.lindex(key, -1)
    answers: list[Any] = pipe.execute()
    rows = [answers[5 * i : 5 * i + 5] for i in range(len(names))]
    pipe = client.pipeline(transaction=False)
    for name, row in zip(names, rows, strict=True):
        pipe.hmget(f"{broker.NAMESPACE}:{name}.msgs", [row[3] or "", row[4] or ""])
    return [
        QueueState(
            name=name,
            waiting=row[0],
            delayed=row[2],
            running=max(0, row[1] - row[0]),
            oldest=_oldest(ends),
        )
        for name, row, ends in zip(names, rows, pipe.execute(), strict=True)
    ]


def _oldest(ends: list[str | None]) -> datetime | None:
    entries = [broker.entry_of(b"", data.encode()) for data in ends if data]
    # One that cannot be read says no time.
    sent = [at for entry in entries if (at := entry["message_timestamp"])]
    return datetime.fromtimestamp(min(sent) / 1000, UTC) if sent else None


def note(found: list[QueueState] | None = None) -> None:
    """Raises this hour's peaks to what waits now. Raises redis.RedisError, PyMongoError."""
    moment = now()
    peaks: dict[str, float] = {}
    for state in queues() if found is None else found:
        kind = kind_of(state.name)
        if kind is None:
            continue
        waiting, oldest = f"waiting.{kind.value}", f"oldest.{kind.value}"
        peaks[waiting] = peaks.get(waiting, 0) + state.waiting
        age = max(0.0, (moment - state.oldest).total_seconds()) if state.oldest else 0.0
        peaks[oldest] = max(peaks.get(oldest, 0.0), age)
    hour = moment.replace(minute=0, second=0, microsecond=0)
    raised = {f"max__{name.replace('.', '__')}": peak for name, peak in peaks.items()}
    BacklogHour.objects(at=hour).update_one(upsert=True, **raised)


def note_now_and_then() -> None:
    """The same every ten seconds, however often it is called; a failure is logged.

    Raises PyMongoError.
    """
    global _noted_at
    if time.monotonic() < _noted_at + NOTE_SECONDS:
        return
    _noted_at = time.monotonic()
    try:
        note()
    except redis.RedisError as error:
        log.warning("backlog not noted: %s", error)


def peaks(kind: Kind, since: datetime, *, by_day: bool) -> dict[datetime, Peak]:
    """The peaks of each hour or day (UTC) from a moment on, by its beginning; what nobody noted
    is missing. Raises PyMongoError."""
    found: dict[datetime, Peak] = {}
    for row in BacklogHour.objects(at__gte=since):
        at = row.at.replace(hour=0) if by_day else row.at
        before = found.get(at, Peak(0, 0.0))
        found[at] = Peak(
            max(before.waiting, row.waiting.get(kind.value, 0)),
            max(before.oldest, row.oldest.get(kind.value, 0.0)),
        )
    return found
