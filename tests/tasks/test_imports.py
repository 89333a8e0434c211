"""Packages import one way: what each may import is said here once, and nothing else is allowed."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

_GROUND = "errors keys settings models"
_BELOW_JOBS = f"{_GROUND} listing infra media feed records subtitles streams queue"
#: Package or module of ``tasks`` → what of ``tasks`` it may import.
TASKS = {
    "errors": "",
    "keys": "settings",
    "settings": "",
    "tether": "",
    "models": "",
    "listing": "models",
    "infra": _GROUND,
    "migrations": f"{_GROUND} listing infra streams",
    "media": "errors tether",
    "feed": "models infra",
    "records": "settings models listing infra media",
    "subtitles": "errors keys models infra media",
    "streams": f"{_GROUND} infra media feed records subtitles",
    "queue": "models infra feed",
    "jobs": _BELOW_JOBS,
    "removal": f"{_BELOW_JOBS} jobs",
    "analysis": f"{_BELOW_JOBS} jobs",
    "cloudwatch": "settings models infra media feed jobs",
    "recovery": f"{_BELOW_JOBS} jobs removal cloudwatch migrations",
    "control": f"{_BELOW_JOBS} jobs removal recovery",
    "reports": _BELOW_JOBS,
    "actors": f"{_BELOW_JOBS} jobs analysis control migrations",
}

_FRAME = "version body_limits deadline places multipart sockets stopping urls models"
_ASKED = f"{_FRAME} errors auth openapi idempotency"
#: The same of ``webapp``; all of it may import ``tasks``.
WEBAPP = {
    **dict.fromkeys(
        [*_FRAME.split(), "cors", "demo", "errors", "format", "log", "request_body", "title_names"],
        "",
    ),
    **dict.fromkeys(["share_links", "video_mp4"], ""),
    **dict.fromkeys(["media_state", "null_bytes", "response_headers"], ""),
    "worker_process": "log",
    "gunicorn_config": "log models stopping",
    "dashboard": "models",
    "auth": "deadline errors models places sockets",
    "openapi": "auth errors models",
    "idempotency": "body_limits deadline errors models multipart",
    "intake": "deadline idempotency multipart",
    "media_files": "auth deadline openapi urls",
    "playable": "urls",
    "media_lookup": "media_state playable urls",
    "shared": "auth deadline media_files openapi share_links",
    "api": (
        f"{_ASKED} dashboard intake media_files media_lookup media_state playable share_links "
        "title_names video_mp4"
    ),
    "pages": (
        f"{_ASKED} api dashboard format intake media_lookup media_state playable share_links "
        "title_names"
    ),
    "live": f"{_ASKED} pages",
    "app": (
        f"{_ASKED} api cors live media_files null_bytes pages request_body response_headers shared"
    ),
    "cli": "auth demo models",
    "__main__": "cli",
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


def arrows(top: str) -> dict[str, dict[str, list[str]]]:
    """Unit of ``top`` → unit that it imports → files in which that stands; ``tasks`` of
    ``webapp`` too."""
    found: dict[str, dict[str, list[str]]] = {}
    for file in sorted((ROOT / top).rglob("*.py")):
        parts = file.relative_to(ROOT / top).with_suffix("").parts
        if parts == ("__init__",):
            continue
        imports = found.setdefault(parts[0], {})
        for module in imported(file):
            place, _, rest = module.partition(".")
            unit = rest.partition(".")[0]
            if place == top and unit != parts[0]:
                imports.setdefault(unit, []).append(str(file.relative_to(ROOT)))
            elif top == "tasks" and place == "webapp":
                imports.setdefault("webapp", []).append(str(file.relative_to(ROOT)))
    return found


@pytest.mark.parametrize(("top", "table"), [("tasks", TASKS), ("webapp", WEBAPP)])
def test_packages_import_only_what_the_table_allows(top: str, table: dict[str, str]) -> None:
    found = arrows(top)
    assert set(found) == set(table), "each package and module of the top has its line"
    wrong = {
        f"{unit} → {other}: {', '.join(files)}"
        for unit, imports in found.items()
        for other, files in imports.items()
        if other not in table[unit].split()
    }
    assert not wrong


@pytest.mark.parametrize("table", [TASKS, WEBAPP])
def test_the_table_has_no_cycle(table: dict[str, str]) -> None:
    order = list(TopologicalSorter({k: set(v.split()) for k, v in table.items()}).static_order())
    assert set(order) == set(table)


@pytest.mark.parametrize("top", ["tasks", "webapp"])
def test_each_package_says_what_lives_there(top: str) -> None:
    for file in (ROOT / top).rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))), file


#: Packages that write or read rows past the documents: pipelines, bulk writes, hints.
_RAW = {
    *("tasks/jobs", "tasks/listing", "tasks/migrations", "tasks/recovery", "tasks/removal"),
    *("tasks/reports", "tasks/records", "tasks/streams", "tasks/control", "tasks/models"),
    *("tasks/actors/bulk.py", "webapp/idempotency.py"),
}


def test_raw_collections_are_for_their_owners_and_by_one_accessor() -> None:
    for file in [*(ROOT / "tasks").rglob("*.py"), *(ROOT / "webapp").rglob("*.py")]:
        name, text = file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")
        if name == "tasks/models/stored.py":
            continue
        assert "_get_collection" not in text, f"{name}: use tasks.models.stored.collection"
        if "stored.collection(" in text or "models.stored import" in text:
            assert name.startswith(tuple(_RAW)), f"{name}: use the document"
