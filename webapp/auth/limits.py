"""How often one may ask: counted in Redis, for every web process together; and how much at once.

Limits are Flask-Limiter's. Where Redis is away, each process counts for itself: limits must not
refuse, or hold up, what works without Redis.
"""

import time
from functools import partial
from typing import Any

from flask import Flask, Response, current_app, g, request
from flask_limiter import ApplicationLimit, Limiter, RequestLimit
from flask_login import current_user
from limits.strategies import RateLimiter

from tasks.infra.redis_client import get_brief_redis
from tasks.settings import get_settings
from webapp import errors
from webapp.auth.access import scope_of
from webapp.models import Scope
from webapp.places import Places

_KEYS = "dailies:limit"
_EXTENSION = "dailies_limits"


def init_app(app: Flask) -> None:
    """Counts every request by token, and every upload; 429 with Retry-After beyond the limits."""
    settings = get_settings()
    limiter = Limiter(
        _who,
        application_limits=[
            ApplicationLimit(
                settings.api_limit,
                scope="requests",
                exempt_when=_is_no_program,
                on_breach=partial(_refuse, "requests"),
            ),
            ApplicationLimit(
                settings.upload_limit,
                scope="uploads",
                exempt_when=_is_no_upload,
                on_breach=partial(_refuse, "uploads"),
            ),
        ],
        storage_uri=settings.redis_url or "memory://",
        storage_options=_options() if settings.redis_url else None,
        in_memory_fallback_enabled=True,
        key_prefix=_KEYS,
    )
    limiter.init_app(app)
    app.extensions[_EXTENSION] = limiter
    _limit_open_uploads(app, Places(settings.open_uploads))


def _limit_open_uploads(app: Flask, places: Places) -> None:
    """Each upload holds a connection, memory and a part of the bucket until it ends."""

    @app.before_request
    def take() -> Response | None:
        if not current_user.is_authenticated or _is_no_upload():
            return None
        who = current_user.name
        if not places.take(who):
            sentence = (
                f"Too many uploads at a time: {places.most} of one person or token may be open."
                " Wait until one of them has ended."
            )
            return errors.problem(429, sentence, {"Retry-After": str(errors.RETRY_AFTER)})
        g.upload_of = who
        return None

    @app.teardown_request
    def give_back(_error: BaseException | None) -> None:
        who = g.pop("upload_of", None)
        if who is not None:
            places.give_back(who)


def counter() -> RateLimiter:
    """The counting key, for a limit that does not depend on routes alone."""
    limiter: Limiter = current_app.extensions[_EXTENSION]
    return limiter.limiter


def _options() -> dict[str, Any]:
    return {"connection_pool": get_brief_redis().connection_pool}


def _who() -> str:
    return current_user.name if current_user.is_authenticated else request.remote_addr or "unknown"


def _is_no_program() -> bool:
    return not current_user.by_token


def _is_no_upload() -> bool:
    endpoint = request.endpoint
    if endpoint is None or request.method != "POST":
        return True
    return scope_of(current_app, endpoint) is not Scope.upload


def _refuse(what: str, limit: RequestLimit) -> Response:
    allowed = limit.limit
    seconds = max(1, round(limit.reset_at - time.time()))
    unit = allowed.GRANULARITY.name
    sentence = (
        f"Too many {what}: {allowed.amount} {'an' if unit == 'hour' else 'a'} {unit} are allowed. "
        f"Try again in {seconds} second{'s' if seconds != 1 else ''}."
    )
    return errors.problem(429, sentence, {"Retry-After": str(seconds)})
