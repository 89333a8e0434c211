"""The audit log: every action by a person or a token, also one that was refused."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from tasks.models import stored
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


class Line(NamedTuple):
    """What is said of one target of many; ``data`` holds plain values."""

    target: str
    detail: str
    data: Mapping[str, Any] = MappingProxyType({})
    refused: bool = False


def record_many(who: str, action: str, lines: Iterable[Line], *, kind: str, **data: Any) -> None:
    """Adds a line for each of many targets; ``data`` is in all of them."""
    moment = now()
    documents = [
        {
            "at": moment,
            "who": who,
            "action": action,
            "kind": kind,
            "target": line.target,
            "result": "refused" if line.refused else "done",
            "detail": line.detail[:DETAIL_KEPT],
            "data": {**data, **line.data},
        }
        for line in lines
    ]
    if documents:
        stored.collection(AuditEntry).insert_many(documents, ordered=False)
