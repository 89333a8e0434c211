"""Many jobs at once: the checked ones, all that match, all that are over, all that are stuck."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from flask import Blueprint, render_template, request
from flask_login import current_user
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from tasks.control import bulk
from tasks.control.stuck import fix_stuck
from tasks.jobs.allowed import LABELS, Action
from tasks.listing.job_filter import JobFilter
from tasks.models import FINISHED, Kind, Status, TranscodeJob
from tasks.models.bulk_operation import BulkOperation
from tasks.recovery.drift import Fixed
from webapp.auth.access import require_role
from webapp.deadline import without_deadline
from webapp.pages.jobs.job_list import Listing
from webapp.pages.partials import for_browser

bp = Blueprint("job_bulk", __name__)

_KINDS = "any(transcode,upload):kind"


@bp.post(f"/jobs/bulk/<{_KINDS}>/<action>")
@require_role("editor")
def many(kind: str, action: str) -> Response:
    """Starts an action on the checked ``ids``, or with ``matching`` (a page's query string) on all
    that match it. 400 where nothing is chosen."""
    if action not in list(Action):
        raise BadRequest("There is no such action.")
    ids = request.form.getlist("ids")
    matching = request.form.get("matching", "")
    if len(ids) > bulk.MOST_IDS or (not ids and not matching):
        raise BadRequest("Choose at least one job.")
    chosen = Listing.of(dict(parse_qsl(matching.lstrip("?")))).filter() if matching else None
    started = bulk.start(
        Kind(kind),
        Action(action),
        current_user.name,
        ids=[] if matching else ids,
        chosen=chosen,
        outputs=request.form.get("outputs") == "1",
    )
    return _started(started)


@bp.post(f"/jobs/clear/<{_KINDS}>/<any(completed,failed,cancelled,all):status>")
@require_role("editor")
def clear(kind: str, status: str) -> Response:
    """Starts to delete the rows of all jobs that are over, or of one such status."""
    statuses = sorted(FINISHED) if status == "all" else [Status(status)]
    chosen = JobFilter(statuses=tuple(statuses))
    return _started(bulk.start(Kind(kind), Action.delete, current_user.name, chosen=chosen))


@bp.get(f"/jobs/stuck/<{_KINDS}>")
@require_role("editor")
@without_deadline
def stuck(kind: str) -> Response:
    """What fixing would do, for the dialog."""
    found = fix_stuck(
        "upload" if kind == "upload" else "transcode", who=current_user.name, dry_run=True
    )
    return for_browser(
        render_template(
            "partials/stuck.html", kind=kind, found=_named(found), done=False, can_edit=True
        )
    )


@bp.post(f"/jobs/stuck/<{_KINDS}>")
@require_role("editor")
@without_deadline
def fix(kind: str) -> Response:
    """Fixes every stuck job and lists what was done."""
    found = fix_stuck(
        "upload" if kind == "upload" else "transcode", who=current_user.name, dry_run=False
    )
    fixed = sum(one.done for one in found)
    words = f"{fixed:,} fixed." if fixed else "Nothing was stuck any more."
    return for_browser(
        render_template(
            "partials/stuck_answer.html",
            kind=kind,
            found=_named(found),
            done=True,
            toast_words=words,
            toast_tone="ok",
        )
    )


def _named(found: Sequence[Fixed]) -> list[dict[str, Any]]:
    """Each with the name of its job, and where that has its page."""
    parents = {one.job_id.split(".")[0] for one in found if one.kind != "message"}
    names = dict(TranscodeJob.objects(job_id__in=list(parents)).scalar("job_id", "name"))
    named = []
    for one in found:
        parent, _, part = one.job_id.partition(".")
        words = [names[parent]] if parent in names else [parent]
        words += [part.replace(".", " ")] if part else []
        link = f"/jobs/{parent}" if parent in names else ""
        named.append({"name": " · ".join(words), "link": link, "fixed": one})
    return named


def _started(row: BulkOperation) -> Response:
    label = LABELS[Action(row.action)]
    noun = "upload" if row.job_kind == Kind.upload else "job"
    return for_browser(
        render_template(
            "partials/bulk_answer.html",
            toast_words=f"{label}: {row.total:,} {noun}{'' if row.total == 1 else 's'}.",
            toast_tone="ok",
            toast_link=f"/operations/{row.job_id}",
            toast_link_words="Show its progress",
        )
    )
