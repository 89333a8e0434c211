"""The drift page: where rows, queue and bucket disagree, and what was repaired."""

from collections.abc import Sequence

from flask import Blueprint, render_template
from flask_login import current_user
from werkzeug.wrappers import Response

from tasks.recovery import drift
from tasks.recovery.drift import Fixed
from webapp.auth.access import allowed, require_role
from webapp.deadline import without_deadline
from webapp.pages import drift_context
from webapp.pages.partials import for_browser

bp = Blueprint("drift", __name__)


@bp.get("/drift")
@require_role("viewer")
def index() -> Response:
    """The page."""
    context = drift_context.context(
        drift_context.found(), can_edit=allowed("editor"), is_admin=allowed("admin")
    )
    return for_browser(render_template("pages/drift.html", live_query="page=drift", **context))


@bp.post("/drift/fix/<drift_id>")
@require_role("editor")
@without_deadline
def fix(drift_id: str) -> Response:
    """Repairs one disagreement."""
    return _answer(drift.fix(drift_id, current_user.name))


@bp.post("/drift/fix-all")
@require_role("editor")
@without_deadline
def fix_all() -> Response:
    """Repairs everything of rows and queue that a click repairs."""
    return _answer(drift.fix_all(current_user.name))


@bp.post("/drift/remove-unused")
@require_role("admin")
@without_deadline
def remove_unused() -> Response:
    """Removes from the bucket what the last look found to belong to nothing."""
    return _answer(drift.remove_unused(current_user.name))


def _answer(fixed: Sequence[Fixed]) -> Response:
    context = drift_context.context(drift_context.found(), can_edit=True, is_admin=allowed("admin"))
    done = [one for one in fixed if one.done]
    if len(done) == 1:
        words = f"{done[0].reason} {done[0].action}"
    elif done:
        words = f"{len(done):,} repaired."
    else:
        words = fixed[0].action if fixed else "That is no longer so: nothing to do any more."
    html = render_template(
        "partials/drift_answer.html",
        toast_words=words,
        toast_tone="ok" if done else "refused",
        **context,
    )
    return for_browser(html)
