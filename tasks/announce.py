"""Tells the event feed of work units."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from tasks import events
from tasks.models import TranscodeJob, UploadJob, WorkUnit

Unit = TypeVar("Unit", bound=WorkUnit)


def announce(unit: WorkUnit, event: str, **more: Any) -> None:
    """Tells the feed of a unit as it is now."""
    events.publish(event, **_told(unit), **more)


def announce_many(
    units: Sequence[Unit], event: str, more: Callable[[Unit], Mapping[str, Any]]
) -> None:
    """Tells the feed of each of many units, with ``more`` of its own, in one round trip."""
    events.publish_many([(event, {**_told(unit), **more(unit)}) for unit in units])


def _told(unit: WorkUnit) -> dict[str, Any]:
    return {
        "kind": unit.unit_kind,
        "jobId": unit.job_id,
        "status": unit.status,
        "progress": round(unit.progress or 0, 1),
        "transcodeId": unit.job_id if isinstance(unit, TranscodeJob) else unit.parent_id,
        "mediaId": getattr(unit, "media_id", None),
        "clientId": getattr(unit, "client_id", None),
        "failedReason": unit.failed_reason,
        "errorMessage": unit.error_message,
    }


def announce_progress(unit: WorkUnit, fields: Mapping[str, Any]) -> None:
    """Tells the feed how far a unit's work has come; of steps only their job's sum is told."""
    if isinstance(unit, UploadJob):
        unit.progress = max(unit.progress or 0.0, fields.get("progress", 0.0))
        shown = ("files_done", "files_total", "bytes_done", "bytes_total", "speed", "current_file")
        more = {_camel(name): fields[name] for name in shown if name in fields}
        announce(unit, "uploadProgress", **more)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
