"""``/v1/studio/operations``: how far bulk operations are; ``/v1/studio/audit``: who did what."""

from flask import Blueprint, Response, jsonify, request

from tasks import lifecycle
from tasks.models.audit_entry import AuditEntry
from tasks.models.bulk_operation import BulkOperation
from webapp.access import require_role
from webapp.api.bodies import parsed
from webapp.api.job_status import moment
from webapp.api.studio_models import AuditQuery, operation

bp = Blueprint("studio_operations", __name__, url_prefix="/v1/studio")


@bp.get("/operations/<operation_id>")
@require_role("viewer")
def one(operation_id: str) -> Response:
    """A bulk operation: how many jobs are done, skipped with the reason, failed. 404."""
    return jsonify(operation(lifecycle.find(BulkOperation, operation_id)))


@bp.get("/audit")
@require_role("admin")
def audit() -> Response:
    """``{entries: [{at, who, action, kind, target, result, detail, data}]}``, newest first."""
    query = parsed(AuditQuery, request.args.to_dict())
    conditions = {name: value for name in ("who", "target") if (value := getattr(query, name))}
    rows = AuditEntry.objects(**conditions).order_by("-at")
    if query.before is not None:
        rows = rows.filter(at__lt=query.before)
    return jsonify(
        entries=[
            {
                "at": moment(row.at),
                "who": row.who,
                "action": row.action,
                "kind": row.kind,
                "target": row.target,
                "result": row.result,
                "detail": row.detail,
                "data": row.data,
            }
            for row in rows.limit(query.limit)
        ]
    )
