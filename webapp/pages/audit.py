"""The audit log: who did what, on which, when, and what came of it; newest first."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from tasks.jobs.allowed import LABELS, Action
from tasks.listing.cursor import BadCursor, Cursor
from tasks.models.audit_entry import AuditEntry
from webapp.auth.access import require_role
from webapp.pages.partials import for_browser

bp = Blueprint("audit", __name__)

PAGE_SIZE = 50
#: Characters of a filter that count.
LENGTH = 200
_JOB_KINDS = {"transcode": "", "upload": "&kind=upload"}


@bp.get("/audit")
@require_role("admin")
def index() -> Response:
    """The page; ``who`` and ``target`` narrow it, ``before`` is a place that a page gave out."""
    chosen = {name: request.args.get(name, "").strip()[:LENGTH] for name in ("who", "target")}
    chosen = {name: value for name, value in chosen.items() if value}
    conditions: dict[str, Any] = dict(chosen)
    place = _place(request.args.get("before", ""))
    if place is not None:
        tie = {"at": place.value, "_id": {"$lt": place.object_id}}
        conditions["$or"] = [{"at": {"$lt": place.value}}, tie]
    rows = list(AuditEntry.objects(__raw__=conditions).order_by("-at", "-id").limit(PAGE_SIZE + 1))
    older = None
    if len(rows) > PAGE_SIZE:
        last = rows[PAGE_SIZE - 1]
        before = Cursor(last.at, str(last.id)).encode()
        older = f"/audit?{urlencode({**chosen, 'before': before})}"
    return for_browser(
        render_template(
            "pages/audit.html",
            chosen=chosen,
            entries=[(row, _words(row.action), _link(row)) for row in rows[:PAGE_SIZE]],
            older=older,
            first=f"/audit?{urlencode(chosen)}" if place else None,
        )
    )


def _place(text: str) -> Cursor | None:
    try:
        place = Cursor.decode(text, datetime) if text else None
        return place if place is None or place.object_id else None
    except BadCursor:
        return None


def _words(action: str) -> str:
    """An action as its button calls it: ``Clean up``, ``Bulk clean up``."""
    said = action.replace(Action.cleanup.value, LABELS[Action.cleanup].lower())
    return said[:1].upper() + said[1:]


def _link(row: AuditEntry) -> str | None:
    if not row.target:
        return None
    if row.action.startswith("bulk "):
        return f"/operations/{row.target}"
    if row.kind in _JOB_KINDS and row.action != "delete":
        return f"/jobs?{urlencode({'q': row.target})}{_JOB_KINDS[row.kind]}"
    return None
