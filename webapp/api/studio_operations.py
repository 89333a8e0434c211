"""``/v1/studio/operations``: how far bulk operations are; ``/v1/studio/audit``: who did what."""

from typing import Literal

from flask import Blueprint, Response, request
from flask_login import current_user
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.exceptions import BadRequest

from tasks.control import operations
from tasks.listing import cursor
from tasks.listing.cursor import BadCursor
from tasks.listing.jobs_query import LIMIT
from tasks.models.audit_entry import AuditEntry
from webapp.api.answers import Answer, At, answered
from webapp.api.bodies import parsed_query
from webapp.api.studio_answers import OperationAnswer, OperationLine, Stored
from webapp.api.studio_models import AuditQuery
from webapp.auth.access import require_role
from webapp.openapi import documented

bp = Blueprint("studio_operations", __name__, url_prefix="/v1/studio")


class AuditLine(Answer):
    """One line of the audit log; ``data`` is what the action itself said, by name."""

    model_config = ConfigDict(from_attributes=True)

    at: At
    who: str
    action: str
    kind: str | None
    target: str | None
    result: Literal["done", "refused"]
    detail: str | None
    data: Stored


class AuditAnswer(Answer):
    """Lines of the audit log, newest first."""

    entries: list[AuditLine]


class OperationsQuery(BaseModel):
    """Query parameters of the list of operations."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=LIMIT)
    after: str | None = Field(None, max_length=cursor.LENGTH)


class OperationsAnswer(Answer):
    """Operations, newest first; ``after`` is null on the last page."""

    operations: list[OperationLine]
    after: str | None


@bp.get("/operations")
@require_role("viewer")
@documented(
    "Past and running bulk operations.",
    tag="Operations",
    query=OperationsQuery,
    answers={200: OperationsAnswer},
    errors=(400,),
)
def found() -> Response:
    """``{operations, after}``, newest first. 400 for a place that no page gave out."""
    query = parsed_query(OperationsQuery, request.args)
    try:
        page = operations.page(limit=query.limit, after=query.after)
    except BadCursor as error:
        raise BadRequest(f"after: {error}") from None
    lines = [OperationLine.model_validate(row) for row in page.rows]
    return answered(OperationsAnswer(operations=lines, after=page.after))


@bp.post("/operations/<operation_id>/cancel")
@require_role("editor")
@documented(
    "Ends a bulk operation; what it has done stays done.",
    tag="Operations",
    answers={200: OperationAnswer},
    errors=(409,),
)
def cancel(operation_id: str) -> Response:
    """Ends an operation between two of its batches. 404, 409 where it is over."""
    return answered(
        OperationAnswer.model_validate(operations.cancel(operation_id, current_user.name))
    )


@bp.get("/operations/<operation_id>")
@require_role("viewer")
@documented("How far a bulk operation is.", tag="Operations", answers={200: OperationAnswer})
def one(operation_id: str) -> Response:
    """A bulk operation: how many jobs are done, skipped with the reason, failed. 404."""
    return answered(OperationAnswer.model_validate(operations.find(operation_id)))


@bp.get("/audit")
@require_role("admin")
@documented("Who did what.", tag="Audit", query=AuditQuery, answers={200: AuditAnswer})
def audit() -> Response:
    """``{entries: [{at, who, action, kind, target, result, detail, data}]}``, newest first."""
    query = parsed_query(AuditQuery, request.args)
    conditions = {name: value for name in ("who", "target") if (value := getattr(query, name))}
    rows = AuditEntry.objects(**conditions).order_by("-at")
    if query.before is not None:
        rows = rows.filter(at__lt=query.before)
    lines = [AuditLine.model_validate(row) for row in rows.limit(query.limit)]
    return answered(AuditAnswer(entries=lines))
