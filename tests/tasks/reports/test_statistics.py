"""Statistics against plain arithmetic over the same rows."""

import math
import random
import uuid
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from tasks.infra.redis_client import get_redis
from tasks.models import Kind, Status, TranscodeJob, UploadJob
from tasks.models.backlog_hour import BacklogHour
from tasks.models.clock import now
from tasks.models.day_statistics import DayStatistics
from tasks.queue import backlog, broker
from tasks.reports import statistics
from tasks.reports.statistics import Bucket, By
from tests.recovery.waiting import until
from tests.servers import Servers
from tests.tasks.rows import a_job, a_step, an_upload, enqueued

Row = dict[str, Any]


@pytest.fixture(autouse=True)
def _nothing_kept(database: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    # However slow the machine is: all days are counted, and answers are kept until forgotten.
    monkeypatch.setattr(statistics, "BUDGET_SECONDS", 600.0)
    monkeypatch.setattr(statistics, "KEPT_SECONDS", 600.0)
    statistics.forget()
    # What an earlier test's counting wrote until it ended.
    DayStatistics.objects.delete()


def ended(at: datetime, status: str = "completed", seconds: float = 10, **fields: Any) -> Row:
    return {
        "job_id": str(uuid.uuid4()),
        "status": status,
        "started_at": at - timedelta(seconds=seconds),
        "finished_at": at,
        **fields,
    }


def put(*rows: Row, kind: type[TranscodeJob] | type[UploadJob] = TranscodeJob) -> None:
    kind._get_collection().insert_many(list(rows))


def stopped(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The moment that it stays for statistics: no hour and no day ends meanwhile."""
    moment = now()
    monkeypatch.setattr(statistics, "now", lambda: moment)
    return moment


def rank(values: list[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


def known(found: dict[datetime, Bucket | None]) -> dict[datetime, Bucket]:
    return {at: bucket for at, bucket in found.items() if bucket is not None}


@pytest.mark.parametrize("by", By)
def test_every_bucket_is_what_its_rows_add_up_to(by: By, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(7)
    moment = stopped(monkeypatch)
    oldest = statistics.starts(by, moment)[0]
    span = (moment - oldest).total_seconds()
    rows = []
    for _ in range(600):
        status = chance.choice(["completed"] * 8 + ["failed", "cancelled"])
        reason = chance.choice(["encoder", "storage"]) if status == "failed" else None
        at = oldest + timedelta(milliseconds=int(1000 * span * chance.random()))
        seconds = chance.randrange(1, 900_000) / 1000
        rows.append(ended(at, status, seconds, failed_reason=reason))
    # Neither what ended before, nor what goes on, counts.
    put(*rows, ended(oldest - timedelta(milliseconds=1)), {"job_id": "x", "status": "active"})
    put(ended(moment), kind=UploadJob)
    found = statistics.series(Kind.transcode, by)
    assert list(found) == statistics.starts(by, moment)
    length = statistics.STEP[by]
    for at, bucket in found.items():
        mine = [row for row in rows if at <= row["finished_at"] < at + length]
        counts = Counter(row["status"] for row in mine)
        took = [
            (row["finished_at"] - row["started_at"]).total_seconds()
            for row in mine
            if row["status"] == "completed"
        ]
        assert bucket is not None
        assert (bucket.completed, bucket.failed, bucket.cancelled) == (
            counts["completed"],
            counts["failed"],
            counts["cancelled"],
        )
        assert bucket.median == (pytest.approx(rank(took, 0.5)) if took else None)
        assert bucket.p95 == (pytest.approx(rank(took, 0.95)) if took else None)
        assert bucket.speed is None
    reasons = Counter(row["failed_reason"] for row in rows if row["status"] == "failed")
    assert statistics.reasons(found.values()) == reasons.most_common()


def test_a_rate_counts_what_was_cancelled_for_nothing() -> None:
    at = now() - timedelta(minutes=1)
    put(*(ended(at) for _ in range(3)), ended(at, "failed"), ended(at, "cancelled"))
    day = statistics.last_day(Kind.transcode)
    assert day.failure_rate == 0.25
    assert day.reasons == {"internal": 1}
    assert statistics.last_day(Kind.upload).failure_rate is None


def test_the_speed_of_uploads_is_bytes_moved_by_the_time_it_took() -> None:
    at = now() - timedelta(minutes=1)
    fast, slow = ended(at, seconds=10, speed=100e6), ended(at, seconds=30, speed=20e6)
    put(fast, slow, ended(at, seconds=50, speed=0.0), ended(at, seconds=9), kind=UploadJob)
    day = statistics.last_day(Kind.upload)
    assert day.speed == pytest.approx((100e6 * 10 + 20e6 * 30) / 40)
    assert day.median == pytest.approx(10)


def test_a_day_that_is_over_is_counted_once_and_again_after_a_while() -> None:
    yesterday = statistics.starts(By.day, now())[-2]
    put(ended(yesterday + timedelta(hours=3)))
    assert known(statistics.series(Kind.transcode, By.day))[yesterday].completed == 1
    put(ended(yesterday + timedelta(hours=4)))
    statistics.forget()
    assert known(statistics.series(Kind.transcode, By.day))[yesterday].completed == 1
    long_ago = now() - timedelta(seconds=statistics.DAY_SECONDS + 1)
    DayStatistics.objects(at=yesterday).update(set__counted_at=long_ago)
    statistics.forget()
    assert known(statistics.series(Kind.transcode, By.day))[yesterday].completed == 2


def test_what_could_not_be_counted_in_time_is_not_said_to_be_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    days = statistics.starts(By.day, stopped(monkeypatch))
    put(ended(days[-3] + timedelta(hours=3)))
    monkeypatch.setattr(statistics, "BUDGET_SECONDS", 0.0)
    first = statistics.series(Kind.transcode, By.day)
    assert list(first) == days
    assert list(known(first)) == days[-2:]
    # The others are counted meanwhile, though nobody asks again.
    statistics.forget()
    second = statistics.series(Kind.transcode, By.day)
    assert list(known(second)) == days
    assert known(second)[days[-3]].completed == 1


def test_whoever_goes_on_looking_sees_every_day_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    days = statistics.starts(By.day, now())
    put(ended(days[3] + timedelta(hours=3)))
    monkeypatch.setattr(statistics, "BUDGET_SECONDS", 0.0)
    monkeypatch.setattr(statistics, "UNFINISHED_SECONDS", 0.0)
    assert statistics.uncounted(statistics.series(Kind.transcode, By.day).values()) == 28

    def seen() -> dict[datetime, Bucket] | None:
        found = statistics.series(Kind.transcode, By.day)
        return None if statistics.uncounted(found.values()) else known(found)

    assert until(seen, "every day")[days[3]].completed == 1


def test_an_answer_is_kept_for_a_moment() -> None:
    assert statistics.last_day(Kind.transcode).completed == 0
    put(ended(now() - timedelta(minutes=1)))
    assert statistics.last_day(Kind.transcode).completed == 0
    statistics.forget()
    assert statistics.last_day(Kind.transcode).completed == 1


def test_an_old_answer_is_given_while_a_new_one_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "KEPT_SECONDS", 0.0)
    assert statistics.last_day(Kind.transcode).completed == 0
    put(ended(now() - timedelta(minutes=1)))
    monkeypatch.setattr(statistics, "LATE_SECONDS", 600.0)
    assert statistics.last_day(Kind.transcode).completed == 0
    until(lambda: statistics.last_day(Kind.transcode).completed == 1, "the new answer")


@pytest.mark.parametrize("model", [TranscodeJob, UploadJob])
def test_no_row_is_read_only_the_index(
    model: type[TranscodeJob] | type[UploadJob], database: Servers
) -> None:
    put(*(ended(now() - timedelta(minutes=n)) for n in range(50)), kind=model)
    db = model._get_collection().database
    kind = Kind.transcode if model is TranscodeJob else Kind.upload
    # The profiler sees the aggregation that statistics really make.
    db.command("profile", 2)
    try:
        statistics.last_day(kind)
    finally:
        db.command("profile", 0)
    query = {"ns": f"{db.name}.{model._get_collection().name}", "command.aggregate": {"$ne": None}}
    seen = db["system.profile"].find_one(query)
    assert seen is not None
    assert (seen["keysExamined"] >= 50, seen["docsExamined"]) == (True, 0)
    db["system.profile"].drop()


def test_the_peaks_of_an_hour_are_noted_for_each_kind() -> None:
    job = a_job()
    for index in range(3):
        enqueued(a_step(job, index=index))
    enqueued(an_upload(job))
    backlog.note()
    get_redis().delete(*(f"dramatiq:{name}" for name in broker.ACTORS))
    backlog.note()
    hour = now().replace(minute=0, second=0, microsecond=0)
    since = hour - timedelta(hours=1)
    assert len(BacklogHour.objects) <= 2  # two where the hour has just ended
    peak = max(backlog.peaks(Kind.transcode, since, by_day=True).values(), key=lambda p: p.waiting)
    assert peak.waiting == 3
    assert 0 <= peak.oldest < 60
    upload = backlog.peaks(Kind.upload, since, by_day=False)
    assert max(p.waiting for p in upload.values()) == 1
    assert set(upload) <= {since, hour}
    assert Status(job.status) is Status.waiting
