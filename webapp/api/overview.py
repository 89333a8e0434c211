"""``/v1/studio``: statistics for charts, queues and workers, and holding them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask_login import current_user
from pydantic import BaseModel, ConfigDict

from tasks import backlog, health, pausing, statistics
from tasks.control.allowed import Kind
from tasks.statistics import Bucket, By
from webapp.access import require_role
from webapp.api.bodies import parsed
from webapp.api.job_status import moment

bp = Blueprint("studio_overview", __name__, url_prefix="/v1/studio")


class StatisticsQuery(BaseModel):
    """What ``/statistics`` may be asked."""

    model_config = ConfigDict(extra="ignore")

    kind: Kind = Kind.transcode
    by: By = By.hour


@bp.get("/statistics")
@require_role("viewer")
def show() -> Response:
    """``{kind, by, buckets, failures}``: the last 48 hours or 30 days (UTC), oldest first.

    Of each bucket what finished in it, and the peaks of the backlog; a null is not known.
    """
    query = parsed(StatisticsQuery, request.args.to_dict())
    found = statistics.series(query.kind, query.by)
    peaks = backlog.peaks(query.kind, min(found), by_day=query.by is By.day)
    return jsonify(
        kind=query.kind.value,
        by=query.by.value,
        buckets=[_bucket(at, bucket, peaks.get(at)) for at, bucket in found.items()],
        failures=[{"reason": name, "count": n} for name, n in statistics.reasons(found.values())],
    )


def _bucket(at: datetime, bucket: Bucket | None, peak: backlog.Peak | None) -> dict[str, Any]:
    failed = bucket.failure_rate if bucket else None
    return {
        "at": moment(at),
        "completed": bucket.completed if bucket else None,
        "failed": bucket.failed if bucket else None,
        "cancelled": bucket.cancelled if bucket else None,
        "completionRate": None if failed is None else 1 - failed,
        "failureRate": failed,
        "medianSeconds": bucket.median if bucket else None,
        "p95Seconds": bucket.p95 if bucket else None,
        "bytesPerSecond": bucket.speed if bucket else None,
        "waiting": peak.waiting if peak else None,
        "oldestSeconds": peak.oldest if peak else None,
    }


@bp.get("/queues")
@require_role("viewer")
def queues() -> Response:
    """``{queues: [{name, waiting, delayed, running, oldestAt, paused}]}``."""
    held = pausing.holds().queues
    return jsonify(
        queues=[
            {
                "name": state.name,
                "waiting": state.waiting,
                "delayed": state.delayed,
                "running": state.running,
                "oldestAt": moment(state.oldest) if state.oldest else None,
                "paused": _held(held.get(state.name)),
            }
            for state in backlog.queues()
        ]
    )


@bp.get("/workers")
@require_role("viewer")
def workers() -> Response:
    """``{workers: [{name, startedAt, seenAt, doing, draining}]}``; ``doing`` are ids of work."""
    held = pausing.holds().workers
    return jsonify(
        workers=[
            {
                "name": info.name,
                "startedAt": moment(info.started_at),
                "seenAt": moment(info.seen_at),
                "doing": list(info.doing),
                "draining": _held(held.get(info.name)),
            }
            for info in health.workers()
        ]
    )


@bp.post("/queues/<name>/pause")
@require_role("editor")
def pause(name: str) -> Response:
    """Pauses a queue. 404, 409."""
    return _act(pausing.pause, name)


@bp.post("/queues/<name>/resume")
@require_role("editor")
def resume(name: str) -> Response:
    """Lets a paused queue go on. 404, 409."""
    return _act(pausing.resume, name)


@bp.post("/workers/<name>/drain")
@require_role("editor")
def drain(name: str) -> Response:
    """Lets a worker finish what it does and take nothing new. 404, 409."""
    return _act(pausing.drain, name)


@bp.post("/workers/<name>/undrain")
@require_role("editor")
def undrain(name: str) -> Response:
    """Lets a draining worker take work again. 404, 409."""
    return _act(pausing.undrain, name)


def _act(action: Callable[[str, str], str], name: str) -> Response:
    return jsonify(message=action(name, current_user.name))


def _held(held: pausing.Held | None) -> dict[str, Any] | None:
    return None if held is None else {"by": held.who, "at": moment(held.at)}
