"""The audit log: every action by a person or a token, also one that was refused."""

from collections.abc import Sequence
from typing import Any

from tasks.models.audit_entry import AuditEntry
from tasks.models.clock import now

#: Characters of a detail that are kept.
DETAIL_KEPT = 500


def record(
    who: str,
    action: str,
    *,
    kind: str | None = None,
    target: str | None = None,
    refused: bool = False,
    detail: str = "",
    **data: Any,
) -> None:
    """Adds a line. ``data`` holds plain values."""
    AuditEntry(
        at=now(),
        who=who,
        action=action,
        kind=kind,
        target=target,
        result="refused" if refused else "done",
        detail=detail[:DETAIL_KEPT],
        data=data,
    ).save()


def record_many(
    who: str, action: str, targets: Sequence[str], *, kind: str, detail: str, **data: Any
) -> None:
    """Adds the same line for each of many targets."""
    moment = now()
    lines = [
        {
            "at": moment,
            "who": who,
            "action": action,
            "kind": kind,
            "target": target,
            "result": "done",
            "detail": detail[:DETAIL_KEPT],
            "data": data,
        }
        for target in targets
    ]
    if lines:
        AuditEntry._get_collection().insert_many(lines, ordered=False)
