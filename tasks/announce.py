"""Tells the event feed of work units."""

from collections.abc import Mapping
from typing import Any

from tasks import events
from tasks.models import TranscodeJob, UploadJob, WorkUnit


def announce(unit: WorkUnit, event: str, **more: Any) -> None:
    """Tells the feed of a unit as it is now."""
    transcode_id = unit.job_id if isinstance(unit, TranscodeJob) else unit.parent_id
    events.publish(
        event,
        kind=unit.unit_kind,
        jobId=unit.job_id,
        status=unit.status,
        progress=round(unit.progress or 0, 1),
        transcodeId=transcode_id,
        mediaId=getattr(unit, "media_id", None),
        clientId=getattr(unit, "client_id", None),
        failedReason=unit.failed_reason,
        errorMessage=unit.error_message,
        **more,
    )


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
