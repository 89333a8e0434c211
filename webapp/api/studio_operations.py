"""``/v1/studio/operations``: how far bulk operations are; ``/v1/studio/audit``: who did what."""

from typing import Literal

from flask import Blueprint, Response, request
from pydantic import ConfigDict

from tasks import lifecycle
from tasks.models.audit_entry import AuditEntry
from tasks.models.bulk_operation import BulkOperation
from webapp.access import require_role
from webapp.api.answers import Answer, At, answered
from webapp.api.bodies import parsed
from webapp.api.studio_answers import OperationAnswer, Stored
from webapp.api.studio_models import AuditQuery
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


@bp.get("/operations/<operation_id>")
@require_role("viewer")
@documented("How far a bulk operation is.", tag="Operations", answers={200: OperationAnswer})
def one(operation_id: str) -> Response:
    """A bulk operation: how many jobs are done, skipped with the reason, failed. 404."""
    return answered(OperationAnswer.model_validate(lifecycle.find(BulkOperation, operation_id)))


@bp.get("/audit")
@require_role("admin")
@documented("Who did what.", tag="Audit", query=AuditQuery, answers={200: AuditAnswer})
def audit() -> Response:
    """``{entries: [{at, who, action, kind, target, result, detail, data}]}``, newest first."""
    query = parsed(AuditQuery, request.args.to_dict())
    conditions = {name: value for name in ("who", "target") if (value := getattr(query, name))}
    rows = AuditEntry.objects(**conditions).order_by("-at")
    if query.before is not None:
        rows = rows.filter(at__lt=query.before)
    lines = [AuditLine.model_validate(row) for row in rows.limit(query.limit)]
    return answered(AuditAnswer(entries=lines))
