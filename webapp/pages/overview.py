"""The overview: how the work goes, who does it, and what waits."""

from collections.abc import Callable

from flask import Blueprint, render_template, request
from flask_login import current_user
from werkzeug.wrappers import Response

from tasks.control import pausing
from webapp.auth.access import allowed, require_role
from webapp.pages import overview_context
from webapp.pages.overview_context import Choice
from webapp.pages.partials import for_browser

bp = Blueprint("overview", __name__)


@bp.get("/overview")
@require_role("viewer")
def show() -> Response:
    """The page; ``kind`` and ``by`` choose what its numbers are about."""
    chosen = Choice.of(request.args)
    page = render_template(
        "pages/overview.html",
        live_query=f"page=overview&{chosen.query()}",
        **overview_context.choice_context(chosen),
        **_without_choice(overview_context.numbers_context(chosen)),
        **overview_context.machines_context(can_edit=allowed("editor")),
    )
    return for_browser(page)


@bp.post("/overview/queues/<name>/pause")
@require_role("editor")
def pause(name: str) -> Response:
    """Pauses a queue; 404, 409 where it is paused already."""
    return _act(pausing.pause, name)


@bp.post("/overview/queues/<name>/resume")
@require_role("editor")
def resume(name: str) -> Response:
    """Lets a paused queue go on; 404, 409 where it is not paused."""
    return _act(pausing.resume, name)


@bp.post("/overview/workers/<name>/drain")
@require_role("editor")
def drain(name: str) -> Response:
    """Lets a worker finish and take nothing new; 404, 409 where it drains already."""
    return _act(pausing.drain, name)


@bp.post("/overview/workers/<name>/undrain")
@require_role("editor")
def undrain(name: str) -> Response:
    """Lets a draining worker take work again; 404, 409 where it doesn't drain."""
    return _act(pausing.undrain, name)


def _act(action: Callable[[str, str], str], name: str) -> Response:
    words = action(name, current_user.name)
    html = render_template(
        "partials/overview_answer.html",
        toast_words=words,
        toast_tone="ok",
        **overview_context.machines_context(can_edit=True),
    )
    return for_browser(html)


def _without_choice(context: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in context.items() if name in ("tiles", "reasons")}
