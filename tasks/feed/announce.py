"""Tells the event feed of work units."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tasks.feed import events
from tasks.models import TrainingModule, TranscodeJob, UploadJob, WorkUnit


def announce(unit: WorkUnit, event: str, **more: Any) -> None:
    """Tells the feed of a unit as it is now."""
    told = _told(type(unit), lambda name: getattr(unit, name, None))
    events.publish(event, **told, **more)


def announce_many(
    unit_cls: type[WorkUnit],
    rows: Sequence[Mapping[str, Any]],
    event: str,
    more: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda _row: {},
) -> None:
    """Tells the feed of many units in one round trip; of each its row, and ``more`` of its own."""
    events.publish_many([(event, {**_told(unit_cls, row.get), **more(row)}) for row in rows])


def _told(unit_cls: type[WorkUnit], get: Callable[[str], Any]) -> dict[str, Any]:
    return {
        "kind": unit_cls.unit_kind,
        "jobId": get("job_id"),
        "status": get("status"),
        "progress": round(get("progress") or 0, 1),
        "transcodeId": get("job_id" if unit_cls is TranscodeJob else "transcode_id"),
        "mediaId": get("media_id"),
        "clientId": get("client_id"),
        "failedReason": get("failed_reason"),
        "errorMessage": get("error_message"),
    }


def announce_progress(unit: WorkUnit, fields: Mapping[str, Any]) -> None:
    """Tells the feed how far a unit's work has come; of steps only their job's sum is told."""
    if isinstance(unit, UploadJob):
        unit.progress = max(unit.progress or 0.0, fields.get("progress", 0.0))
        shown = ("files_done", "files_total", "bytes_done", "bytes_total", "speed", "current_file")
        more = {_camel(name): fields[name] for name in shown if name in fields}
        announce(unit, "uploadProgress", **more)
    elif isinstance(unit, TrainingModule) and "progress" in fields:
        unit.progress = max(unit.progress or 0.0, fields["progress"])
        announce(unit, "analysisProgress")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
