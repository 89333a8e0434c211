"""The dashboard: an installation at a glance, for who runs it."""

from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from tasks.models import Kind
from webapp import dashboard
from webapp import format as say
from webapp.auth.access import require_role
from webapp.pages.jobs.job_view import CATEGORY_WORDS, STATUS_WORDS
from webapp.pages.partials import for_browser

bp = Blueprint("dashboard", __name__)


@bp.get("/dashboard")
@require_role("admin")
def show() -> Response:
    """The page, or for HTMX, which asks again every 15 seconds, the part that changes."""
    part = bool(request.headers.get("HX-Request"))
    template = "partials/dashboard.html" if part else "pages/dashboard.html"
    return for_browser(render_template(template, **_context()))


def _context() -> dict[str, Any]:
    glance = dashboard.glance()
    held = glance.held
    return {
        "tiles": [
            ("Media", _count(held.media), f"{_count(held.ready)} ready to watch", "/library"),
            ("Titles", _count(sum(held.titles.values())), _parts(held.titles, "s"), None),
            ("Users", _count(sum(glance.users.values())), _parts(glance.users, "s"), None),
            ("Stored", _size(held.stored), "sources, streams and work areas", None),
        ],
        "jobs": [
            (kind, "Transcode jobs" if kind is Kind.transcode else "Upload jobs", counts)
            for kind, counts in glance.jobs.items()
        ],
        "areas": [
            ("Sources", "what was uploaded", held.sources),
            ("Streams", "what players read", held.streams),
            ("Work areas", "of jobs that are not completed", held.work),
        ],
        "stored": held.stored,
        "failures": glance.failures,
        "migrations": [one for one in glance.migrations if not one.done],
        "counted_at": held.counted_at,
        "status_words": STATUS_WORDS,
        "category_words": CATEGORY_WORDS,
    }


def _count(number: int | None) -> str:
    return say.NOTHING if number is None else say.count(number)


def _size(number: int | None) -> str:
    return say.NOTHING if number is None else say.size(number)


def _parts(counts: dict[str, int], plural: str) -> str:
    words = [f"{say.count(n)} {w}{'' if n == 1 else plural}" for w, n in counts.items() if n]
    return " · ".join(words) or "none yet"
