"""``/v1/studio``: statistics for charts, queues and workers, and holding them."""

from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Response, request
from flask_login import current_user
from pydantic import BaseModel, ConfigDict, Field

from tasks.control import pausing
from tasks.models import Kind
from tasks.queue import backlog
from tasks.reports import health, statistics
from tasks.reports.statistics import Bucket, By
from webapp.api.answers import Answer, At, answered
from webapp.api.bodies import parsed_query
from webapp.auth.access import require_role
from webapp.openapi import documented

bp = Blueprint("studio_overview", __name__, url_prefix="/v1/studio")


class StatisticsQuery(BaseModel):
    """Query parameters of ``/statistics``."""

    model_config = ConfigDict(extra="ignore")

    kind: Kind = Kind.transcode
    by: By = By.hour


class BucketAnswer(Answer):
    """What finished in one hour or day, and the peaks of the backlog; a null is not known."""

    at: At
    completed: int | None
    failed: int | None
    cancelled: int | None
    completion_rate: float | None = Field(description="0 to 1, of completed and failed.")
    failure_rate: float | None
    median_seconds: float | None
    p95_seconds: float | None
    bytes_per_second: float | None
    waiting: int | None
    oldest_seconds: float | None


class Reason(Answer):
    """Why jobs failed, and how many."""

    reason: str
    count: int


class StatisticsAnswer(Answer):
    """Hours or days in UTC, the oldest first, and the reasons of failures in all of them."""

    kind: Kind
    by: By
    buckets: list[BucketAnswer]
    failures: list[Reason]


class HeldAnswer(Answer):
    """The person or token that held it, and the time."""

    by: str
    at: At


class QueueAnswer(Answer):
    """A queue; ``paused`` is null while it runs."""

    name: str
    waiting: int
    delayed: int
    running: int
    oldest_at: At | None
    paused: HeldAnswer | None


class QueuesAnswer(Answer):
    """All queues."""

    queues: list[QueueAnswer]


class WorkerAnswer(Answer):
    """A live worker; ``doing`` are the ids of its work, ``draining`` is null while it takes new."""

    name: str
    started_at: At
    seen_at: At
    doing: list[str]
    draining: HeldAnswer | None


class WorkersAnswer(Answer):
    """All live workers."""

    workers: list[WorkerAnswer]


class Said(Answer):
    """What was done, in a sentence."""

    message: str


@bp.get("/statistics")
@require_role("viewer")
@documented(
    "Numbers by hour or day.",
    tag="Overview",
    query=StatisticsQuery,
    answers={200: StatisticsAnswer},
)
def show() -> Response:
    """The last 48 hours or 30 days."""
    query = parsed_query(StatisticsQuery, request.args)
    found = statistics.series(query.kind, query.by)
    peaks = backlog.peaks(query.kind, min(found), by_day=query.by is By.day)
    return answered(
        StatisticsAnswer(
            kind=query.kind,
            by=query.by,
            buckets=[_bucket(at, bucket, peaks.get(at)) for at, bucket in found.items()],
            failures=[
                Reason(reason=name, count=n) for name, n in statistics.reasons(found.values())
            ],
        )
    )


def _bucket(at: datetime, bucket: Bucket | None, peak: backlog.Peak | None) -> BucketAnswer:
    failed = bucket.failure_rate if bucket else None
    return BucketAnswer(
        at=at,
        completed=bucket.completed if bucket else None,
        failed=bucket.failed if bucket else None,
        cancelled=bucket.cancelled if bucket else None,
        completion_rate=None if failed is None else 1 - failed,
        failure_rate=failed,
        median_seconds=bucket.median if bucket else None,
        p95_seconds=bucket.p95 if bucket else None,
        bytes_per_second=bucket.speed if bucket else None,
        waiting=peak.waiting if peak else None,
        oldest_seconds=peak.oldest if peak else None,
    )


@bp.get("/queues")
@require_role("viewer")
@documented("What waits and runs.", tag="Overview", answers={200: QueuesAnswer})
def queues() -> Response:
    """Every queue with its messages, and whether somebody holds it."""
    held = pausing.holds().queues
    return answered(
        QueuesAnswer(
            queues=[
                QueueAnswer(
                    name=state.name,
                    waiting=state.waiting,
                    delayed=state.delayed,
                    running=state.running,
                    oldest_at=state.oldest or None,
                    paused=_held(held.get(state.name)),
                )
                for state in backlog.queues()
            ]
        )
    )


@bp.get("/workers")
@require_role("viewer")
@documented("Who is alive and does what.", tag="Overview", answers={200: WorkersAnswer})
def workers() -> Response:
    """Every worker that was seen a moment ago."""
    held = pausing.holds().workers
    return answered(
        WorkersAnswer(
            workers=[
                WorkerAnswer(
                    name=info.name,
                    started_at=info.started_at,
                    seen_at=info.seen_at,
                    doing=list(info.doing),
                    draining=_held(held.get(info.name)),
                )
                for info in health.workers()
            ]
        )
    )


@bp.post("/queues/<name>/pause")
@require_role("editor")
@documented("Pauses a queue.", tag="Overview", answers={200: Said}, errors=(409,))
def pause(name: str) -> Response:
    """Pauses a queue. 404, 409."""
    return _act(pausing.pause, name)


@bp.post("/queues/<name>/resume")
@require_role("editor")
@documented("Lets a paused queue go on.", tag="Overview", answers={200: Said}, errors=(409,))
def resume(name: str) -> Response:
    """Lets a paused queue go on. 404, 409."""
    return _act(pausing.resume, name)


@bp.post("/workers/<name>/drain")
@require_role("editor")
@documented("Gives a worker nothing new.", tag="Overview", answers={200: Said}, errors=(409,))
def drain(name: str) -> Response:
    """Lets a worker finish what it does and take nothing new. 404, 409."""
    return _act(pausing.drain, name)


@bp.post("/workers/<name>/undrain")
@require_role("editor")
@documented(
    "Lets a draining worker take work again.", tag="Overview", answers={200: Said}, errors=(409,)
)
def undrain(name: str) -> Response:
    """Lets a draining worker take work again. 404, 409."""
    return _act(pausing.undrain, name)


def _act(action: Callable[[str, str], str], name: str) -> Response:
    return answered(Said(message=action(name, current_user.name)))


def _held(held: pausing.Held | None) -> HeldAnswer | None:
    return None if held is None else HeldAnswer(by=held.who, at=held.at)
