"""``/healthz`` and ``/readyz``, for whoever watches over the process."""

from typing import Literal

from flask import Blueprint, Response

from tasks.reports import health
from webapp.api.answers import Answer, answered
from webapp.auth.access import allowed, public
from webapp.deadline import without_deadline
from webapp.errors import RETRY_AFTER
from webapp.openapi import documented
from webapp.version import VERSION

bp = Blueprint("health", __name__)


class Alive(Answer):
    """The process answers."""

    status: Literal["ok"]
    version: str


class CheckAnswer(Answer):
    """One server or worker that is needed.

    ``detail``, for admins only, is a version or a count, or what is wrong.
    """

    ok: bool
    detail: str | None


class Readiness(Answer):
    """What the dashboard needs, by name."""

    status: Literal["ready", "not ready"]
    checks: dict[str, CheckAnswer]


@bp.get("/healthz")
@public
@without_deadline
@documented("Whether the process lives.", tag="Health", answers={200: Alive})
def alive() -> Response:
    """The process answers; it asks nobody else."""
    return answered(Alive(status="ok", version=VERSION))


@bp.get("/readyz")
@public
@without_deadline
@documented(
    "Whether what it needs is there.", tag="Health", answers={200: Readiness, 503: Readiness}
)
def ready() -> Response:
    """What the dashboard needs, each with ``ok``, as of at most two seconds ago; 503 where one is
    missing."""
    checks = health.checked_lately()
    ok = all(check.ok for check in checks.values())
    detailed = allowed("admin")
    found = {
        name: CheckAnswer(ok=check.ok, detail=check.detail if detailed else None)
        for name, check in checks.items()
    }
    answer = Readiness(status="ready" if ok else "not ready", checks=found)
    response = answered(answer, 200 if ok else 503)
    if not ok:
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response
