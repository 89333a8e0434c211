"""What became of jobs, by hour and by day: counts, durations, speed, reasons of failure.

All of it is aggregated by MongoDB from an index that holds every field that is read, so that rows
themselves are not touched. A bucket is what *now* counts as finished in it: a retried job leaves
the hour in which it failed.
"""

import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from pymongo.errors import PyMongoError

from tasks.models import MODELS, Kind, stored
from tasks.models.clock import now
from tasks.models.day_statistics import DayStatistics

log = logging.getLogger(__name__)

Kept = TypeVar("Kept")

#: Seconds for which an answer is kept in this process.
KEPT_SECONDS = 10.0
#: Seconds for which an answer is kept in which days are missing, since these are being counted.
UNFINISHED_SECONDS = 1.0
#: Seconds for which an answer is given that is older, while a new one is made.
LATE_SECONDS = 60.0
#: Seconds after which a day that is over is counted anew: it changes only where an old job is
#: retried or deleted.
DAY_SECONDS = 300.0
#: Seconds that one call may spend on counting days that are over; the others are counted besides.
BUDGET_SECONDS = 0.2
#: Milliseconds that one aggregation may take.
LONGEST_MS = 4_000


class By(StrEnum):
    """The length of a bucket."""

    hour = "hour"
    day = "day"


#: Buckets that are shown, the one that is not over yet included.
BUCKETS = {By.hour: 48, By.day: 30}
STEP = {By.hour: timedelta(hours=1), By.day: timedelta(days=1)}


@dataclass(frozen=True)
class Bucket:
    """One hour or day (UTC) from ``at`` on, or a longer stretch.

    ``median`` and ``p95`` are the seconds that completed jobs took, ``speed`` is in bytes a second
    of uploading; None where there is nothing to tell. ``reasons`` counts failures by category.
    """

    at: datetime
    completed: int
    failed: int
    cancelled: int
    median: float | None
    p95: float | None
    speed: float | None
    reasons: dict[str, int]

    @property
    def failure_rate(self) -> float | None:
        """Failed of those that completed or failed, 0 to 1; cancelling is nobody's failure."""
        ended = self.completed + self.failed
        return self.failed / ended if ended else None


def series(kind: Kind, by: By) -> dict[datetime, Bucket | None]:
    """The last 48 hours or 30 days by their beginning, oldest first, with empty buckets too.

    About ten seconds old while somebody looks, and never over a minute; days that are over are
    kept in the database and counted anew every five minutes, as long as somebody looks. None is a
    day that was never counted before, and is counted besides, now. Raises PyMongoError.
    """
    make = _hours if by is By.hour else _days
    return _kept(("series", kind, by), _seconds_of_series, lambda: make(kind))


def _seconds_of_series(found: dict[datetime, Bucket | None]) -> float:
    return UNFINISHED_SECONDS if None in found.values() else KEPT_SECONDS


def last_day(kind: Kind) -> Bucket:
    """The last 24 hours as one bucket. Raises PyMongoError."""

    def make() -> Bucket:
        since = now() - timedelta(hours=24)
        return _aggregate(kind, since, None, None).get(None) or _empty(since)

    return _kept(("last day", kind), lambda _: KEPT_SECONDS, make)


def reasons(buckets: Iterable[Bucket | None]) -> list[tuple[str, int]]:
    """Failures of all buckets by category, the most frequent first."""
    counts: dict[str, int] = {}
    for bucket in buckets:
        if bucket is None:
            continue
        for reason, count in bucket.reasons.items():
            counts[reason] = counts.get(reason, 0) + count
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


def uncounted(buckets: Iterable[Bucket | None]) -> int:
    """How many are not known yet."""
    return sum(bucket is None for bucket in buckets)


def starts(by: By, moment: datetime) -> list[datetime]:
    """The beginnings of the buckets that are shown at a moment (UTC), oldest first."""
    last = moment.replace(minute=0, second=0, microsecond=0)
    if by is By.day:
        last = last.replace(hour=0)
    return [last - STEP[by] * back for back in range(BUCKETS[by] - 1, -1, -1)]


def _hours(kind: Kind) -> dict[datetime, Bucket | None]:
    wanted = starts(By.hour, now())
    found = _aggregate(kind, wanted[0], None, By.hour)
    return {at: found.get(at) or _empty(at) for at in wanted}


def _days(kind: Kind) -> dict[datetime, Bucket | None]:
    """A month may be a million jobs: only today is counted each time."""
    *over, today = starts(By.day, now())
    rows = {row.at: row for row in DayStatistics.objects(kind=kind.value, at__gte=over[0])}
    days = {at: Bucket(at=at, **row.bucket) for at, row in rows.items()}
    overdue = now() - timedelta(seconds=DAY_SECONDS)
    missing = [at for at in reversed(over) if at not in rows]
    stale = sorted((row.counted_at, at) for at, row in rows.items() if row.counted_at < overdue)
    due = [*missing, *(at for _, at in stale)]
    end = time.monotonic() + BUDGET_SECONDS
    key = ("days", kind)
    # What is being counted besides is not counted here too.
    while due and key not in _under_way:
        at = due.pop(0)
        days[at] = _count_day(kind, at)
        if time.monotonic() > end:
            break
    if due:
        _besides(key, lambda: _count_days(kind, due))
    open_day = _aggregate(kind, today, None, By.day)
    return {**{at: days.get(at) for at in over}, today: open_day.get(today) or _empty(today)}


def _count_days(kind: Kind, due: Sequence[datetime]) -> None:
    for at in due:
        _count_day(kind, at)
    with _lock:
        _answers.pop(("series", kind, By.day), None)


def _count_day(kind: Kind, at: datetime) -> Bucket:
    moment = now()
    bucket = _aggregate(kind, at, at + STEP[By.day], By.day).get(at) or _empty(at)
    fields = asdict(bucket)
    del fields["at"]
    stored.collection(DayStatistics).update_one(
        {"kind": kind.value, "at": at},
        {"$set": {"counted_at": moment, "bucket": fields}},
        upsert=True,
    )
    return bucket


def _empty(at: datetime) -> Bucket:
    return Bucket(at, 0, 0, 0, None, None, None, {})


def _aggregate(
    kind: Kind, since: datetime, until: datetime | None, by: By | None
) -> dict[datetime | None, Bucket]:
    """Buckets by their beginning; without ``by`` one bucket, under None."""
    finished: dict[str, Any] = {"$gte": since}
    if until is not None:
        finished["$lt"] = until
    completed = {"$eq": ["$status", "completed"]}
    seconds = {"$divide": [{"$subtract": ["$finished_at", "$started_at"]}, 1000]}
    at = {"$dateTrunc": {"date": "$finished_at", "unit": by.value}} if by else None
    pipeline: list[dict[str, Any]] = [
        {"$match": {"finished_at": finished}},
        {
            "$project": {
                "_id": 0,
                "at": at or {"$literal": None},
                "status": 1,
                "failed_reason": 1,
                # Missing where it does not count, which $push and $sum leave out.
                "seconds": {"$cond": [completed, seconds, "$$REMOVE"]},
                "speed": 1 if kind is Kind.upload else {"$literal": None},
            }
        },
        {
            "$group": {
                "_id": {"at": "$at", "status": "$status", "reason": "$failed_reason"},
                "count": {"$sum": 1},
                "seconds": {"$push": "$seconds"},
                "bytes": {"$sum": {"$multiply": ["$speed", "$seconds"]}},
                "busy": {"$sum": {"$cond": [{"$gt": ["$speed", 0]}, "$seconds", 0]}},
            }
        },
        {"$set": {"seconds": {"$sortArray": {"input": "$seconds", "sortBy": 1}}}},
        {
            "$set": {
                "median": _element("$seconds", 0.5),
                "p95": _element("$seconds", 0.95),
                "seconds": "$$REMOVE",
            }
        },
    ]
    collection = stored.collection(MODELS[kind])
    rows = collection.aggregate(pipeline, maxTimeMS=LONGEST_MS, allowDiskUse=False)
    grouped: dict[datetime | None, list[dict[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(row["_id"].get("at"), []).append(row)
    return {at: _bucket(at or since, parts) for at, parts in grouped.items()}


def _element(array: str, share: float) -> dict[str, Any]:
    """The nearest-rank percentile of a sorted array."""
    rank = {"$ceil": {"$multiply": [share, {"$size": array}]}}
    index = {"$max": [0, {"$subtract": [{"$toInt": rank}, 1]}]}
    return {"$arrayElemAt": [array, index]}


def _bucket(at: datetime, parts: Sequence[dict[str, Any]]) -> Bucket:
    counts = {"completed": 0, "failed": 0, "cancelled": 0}
    reasons: dict[str, int] = {}
    done: dict[str, Any] = {}
    for part in parts:
        status, reason = part["_id"].get("status"), part["_id"].get("reason")
        if status not in counts:
            continue  # It waits again, and an earlier end is still in its row.
        counts[status] += part["count"]
        if status == "failed":
            reasons[reason or "internal"] = reasons.get(reason or "internal", 0) + part["count"]
        if status == "completed" and part["count"] > done.get("count", 0):
            done = part
    busy = done.get("busy") or 0
    return Bucket(
        at=at,
        median=done.get("median"),
        p95=done.get("p95"),
        speed=done["bytes"] / busy if busy else None,
        reasons=reasons,
        **counts,
    )


_answers: dict[Hashable, tuple[float, Any]] = {}
_lock = threading.Lock()


def forget() -> None:
    """Drops every answer that this process keeps, after what is under way has ended."""
    for thread in list(_under_way.values()):
        thread.join()
    with _lock:
        _answers.clear()


def _kept(key: Hashable, seconds: Callable[[Kept], float], make: Callable[[], Kept]) -> Kept:
    """An answer of before, for so many ``seconds`` of it, or the one that is made now."""
    with _lock:
        found = _answers.get(key)
    moment = time.monotonic()
    if found is not None and moment < found[0] + max(0.0, LATE_SECONDS - seconds(found[1])):
        if moment >= found[0]:
            _besides(key, lambda: _keep(key, seconds, make))
        answer: Kept = found[1]
        return answer
    return _keep(key, seconds, make)


def _keep(key: Hashable, seconds: Callable[[Kept], float], make: Callable[[], Kept]) -> Kept:
    answer = make()
    moment = time.monotonic()
    with _lock:
        for old in [k for k, (until, _) in _answers.items() if until + LATE_SECONDS < moment]:
            del _answers[old]
        _answers[key] = (moment + seconds(answer), answer)
    return answer


_under_way: dict[Hashable, threading.Thread] = {}


def _besides(key: Hashable, work: Callable[[], object]) -> None:
    """Does something that nobody waits for, once at a time for each key."""

    def run() -> None:
        try:
            work()
        except PyMongoError as error:
            log.warning("statistics not counted: %s", error)
        finally:
            with _lock:
                del _under_way[key]

    with _lock:
        if key in _under_way:
            return
        thread = threading.Thread(target=run, name="statistics", daemon=True)
        _under_way[key] = thread
        thread.start()
