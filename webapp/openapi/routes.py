"""The routes of the app as the description knows them: an API, a page, or left out and why."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from webapp.auth import access
from webapp.errors import PROGRAM_PATHS
from webapp.models import Role, Scope
from webapp.openapi.documentation import Documentation, documentation_of

#: Endpoints that OpenAPI has no words for.
LEFT_OUT = {
    "static": "Files of the pages.",
    "feed.events": "A WebSocket: docs/events.md describes it.",
    "live.panels": "A WebSocket between our own pages and the server.",
}


@dataclass(frozen=True)
class Route:
    """One method of one path; ``documentation`` is None for a page."""

    endpoint: str
    method: str
    path: str
    parameters: tuple[str, ...]
    view: Callable[..., Any]
    role: Role | None
    scope: Scope | None
    documentation: Documentation | None


def routes(app: Flask) -> list[Route]:
    """Every route that is described, by path."""
    return [
        route
        for route in _all(app)
        if route.documentation is not None or not _for_programs(route.path)
    ]


def undocumented(app: Flask) -> list[str]:
    """``METHOD path`` of each route that programs call and that says nothing of itself."""
    return [
        f"{route.method.upper()} {route.path}"
        for route in _all(app)
        if route.documentation is None and _for_programs(route.path)
    ]


def _all(app: Flask) -> Iterator[Route]:
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.endpoint in LEFT_OUT:
            continue
        view = app.view_functions[rule.endpoint]
        path, parameters = _path(rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Route(
                rule.endpoint,
                method.lower(),
                path,
                parameters,
                view,
                access.rule_of(app, rule.endpoint),
                access.scope_of(app, rule.endpoint),
                documentation_of(view),
            )


def _for_programs(path: str) -> bool:
    return path.startswith(PROGRAM_PATHS)


def _path(rule: Rule) -> tuple[str, tuple[str, ...]]:
    """``/jobs/<job_id>`` as ``/jobs/{jobId}``, and its parameters' names."""
    names = re.findall(r"<(?:[^<>:]*:)?([^<>]+)>", rule.rule)
    path = rule.rule
    for name in names:
        path = re.sub(rf"<(?:[^<>:]*:)?{name}>", f"{{{_camel(name)}}}", path)
    return path, tuple(_camel(name) for name in names)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
