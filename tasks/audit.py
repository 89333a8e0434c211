"""The audit log: every action by a person or a token, also one that was refused."""

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
