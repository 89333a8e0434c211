"""What the job page shows of the log: its latest lines, at the first paint and live alike."""

from typing import Any

from tasks.records import job_log_query

#: Lines that are shown; the API has all of them.
SHOWN = 200
_DOTS = {"info": "completed", "warning": "cancelled", "error": "failed"}


def context(job_id: str) -> dict[str, Any]:
    """``log_lines`` oldest first, and whether there are more (``log_more``)."""
    lines = job_log_query.latest(job_id, SHOWN + 1)
    return {
        "log_lines": [(line, _DOTS[line.level]) for line in lines[-SHOWN:]],
        "log_more": len(lines) > SHOWN,
        "log_address": f"/v1/studio/transcoding-jobs/{job_id}/log",
    }
