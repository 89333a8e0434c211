"""The whole description, in OpenAPI 3.1."""

from typing import Any

from flask import Flask

from webapp.openapi.families import FAMILIES, place
from webapp.openapi.operations import ALWAYS, BEARER, SESSION, models_of, operation, responses
from webapp.openapi.routes import routes
from webapp.openapi.schemas import Schemas

#: Of the API, not of the program: the first number changes when a client must change.
VERSION = "1.0.0"

_ABOUT = (
    "Programs send `Authorization: Bearer <token>`; docs/api.md shows how to get one, with lines "
    "of curl for each family. Times are ISO 8601 in UTC. Every error is "
    "`application/problem+json` (RFC 9457). `/ws/events` tells what happens, as it happens: "
    "docs/events.md."
)


def document(app: Flask) -> dict[str, Any]:
    """The description of this app; made once, the routes of an app don't change."""
    made: dict[str, Any] | None = app.extensions.get("openapi")
    if made is None:
        made = app.extensions["openapi"] = _document(app)
    return made


def _document(app: Flask) -> dict[str, Any]:
    found = routes(app)
    said = [route.documentation for route in found if route.documentation]
    schemas = Schemas([*ALWAYS, *(model for one in said for model in models_of(one))])
    paths: dict[str, dict[str, Any]] = {}
    for route in found:
        paths.setdefault(route.path, {})[route.method] = operation(route, schemas)
    tags = {tag for path in paths.values() for one in path.values() for tag in one["tags"]}
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Dailies",
            "version": VERSION,
            "summary": "Videos in, adaptive streams out, every job visible.",
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": tag, "description": FAMILIES.get(tag, "")} for tag in sorted(tags, key=place)
        ],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": responses(),
            "securitySchemes": {
                BEARER: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of `dailies token add`.",
                },
                SESSION: {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": app.config["SESSION_COOKIE_NAME"],
                    "description": (
                        "The session of who signed in. What changes something also needs the "
                        "page's CSRF token, as `X-CSRFToken`."
                    ),
                },
            },
        },
    }
