"""``/healthz`` and ``/readyz``, for whoever watches over the process."""

from flask import Blueprint, Response, jsonify

from tasks import health
from webapp.access import public
from webapp.deadline import without_deadline

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@public
@without_deadline
def alive() -> Response:
    """The process answers; it asks nobody else."""
    return jsonify(status="ok")


@bp.get("/readyz")
@public
@without_deadline
def ready() -> tuple[Response, int]:
    """What the dashboard needs, each with ``ok`` and ``detail``; 503 where one is missing."""
    checks = health.check()
    ok = all(check.ok for check in checks.values())
    answer = jsonify(
        status="ready" if ok else "not ready",
        checks={name: {"ok": check.ok, "detail": check.detail} for name, check in checks.items()},
    )
    return answer, 200 if ok else 503
