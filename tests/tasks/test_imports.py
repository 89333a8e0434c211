"""Packages import one way: what each may import is said here once, and nothing else is allowed."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_GROUND = "errors keys settings models"
_BELOW_JOBS = f"{_GROUND} listing infra media feed records subtitles queue"
#: Package or module of ``tasks`` → what of ``tasks`` it may import.
TASKS = {
    "errors": "",
    "keys": "",
    "settings": "",
    "models": "",
    "listing": "models",
    "infra": _GROUND,
    "migrations": f"{_GROUND} listing infra",
    "media": "errors",
    "feed": "models infra",
    "records": "settings models listing infra media",
    "subtitles": "errors keys models infra media",
    "queue": "models infra feed",
    "jobs": _BELOW_JOBS,
    "removal": f"{_BELOW_JOBS} jobs",
    "analysis": f"{_BELOW_JOBS} jobs",
    "cloudwatch": "settings models infra feed jobs",
    "recovery": f"{_BELOW_JOBS} jobs removal cloudwatch migrations",
    "control": f"{_BELOW_JOBS} jobs removal recovery",
    "reports": f"{_BELOW_JOBS} control",
    "actors": f"{_BELOW_JOBS} jobs analysis control migrations",
}

_SMALL = "cors deadline format log null_bytes response_headers sockets stopping tether urls"
_ASKING = f"{_SMALL} models errors auth openapi"
_SHOWN = "answers dashboard media_files media_lookup media_state subtitle_view"
#: The same of ``webapp``; all of it may import ``tasks``.
WEBAPP = {
    **dict.fromkeys(_SMALL.split(), ""),
    "media_state": "",
    "models": "",
    "worker_process": "log tether",
    "gunicorn_config": "log models stopping tether",
}


def imported(file: Path) -> Iterator[str]:
    """Every module that a file names in an import, also inside of functions."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module in ("tasks", "webapp"):
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
