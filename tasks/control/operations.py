"""Bulk operations as such: which there were, and ending one."""

from datetime import datetime

from tasks.jobs import lifecycle
from tasks.listing.cursor import Cursor
from tasks.listing.jobs_query import Page
from tasks.models import Status
from tasks.models.bulk_operation import BulkOperation
from tasks.records import audit

#: What a list of operations does without.
_LONG = ("results", "reasons", "ids", "history")


def find(operation_id: str) -> BulkOperation:
    """The operation of an id. Raises NotFound."""
    row: BulkOperation | None = BulkOperation.objects(job_id=operation_id).first()
    if row is None:
        raise lifecycle.NotFound(f"There is no operation {operation_id!r}.")
    return row


def page(*, limit: int, after: str | None = None) -> Page:
    """Operations, newest first, without their results. Raises BadCursor."""
    conditions = {}
    if after is not None:
        place = Cursor.decode(after, datetime)
        at = {"created_at": place.value}
        conditions = {
            "$or": [{"created_at": {"$lt": place.value}}, {**at, "job_id": {"$lt": place.job_id}}]
        }
    rows = BulkOperation.objects(__raw__=conditions).exclude(*_LONG)
    found = list(rows.order_by("-created_at", "-job_id").limit(limit + 1))
    more, found = len(found) > limit, found[:limit]
    return Page(
        rows=found,
        after=Cursor(found[-1].created_at, found[-1].job_id).encode() if more else None,
        before=None,
    )


def cancel(operation_id: str, who: str) -> BulkOperation:
    """Ends an operation between two of its batches; what it has done stays done.

    Raises NotFound, and Conflict where it is over.
    """
    row = find(operation_id)
    try:
        if row.finished:
            raise lifecycle.Conflict(f"This operation is {row.status}: there is nothing to cancel.")
        cancelled = lifecycle.cancel(BulkOperation, operation_id, who)
    except lifecycle.Conflict as error:
        audit.record(who, "bulk cancel", target=operation_id, refused=True, detail=str(error))
        raise
    visited = row.done + row.skipped + row.failures
    said = (
        f"Stopped after about {visited:,} of {row.total:,}." if row.status == Status.active else ""
    )
    audit.record(who, "bulk cancel", target=operation_id, detail=said or "Before it began.")
    return cancelled
