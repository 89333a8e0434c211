"""One route as an OpenAPI operation."""

import inspect
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from webapp.openapi.documentation import Answer, Content, Documentation
from webapp.openapi.families import PAGES
from webapp.openapi.problem import MEANINGS, MEDIA_TYPE, Problem
from webapp.openapi.routes import Route
from webapp.openapi.schemas import PLACE, Mode, Schema, Schemas, never_null

#: Names of the two ways to say who one is, in ``components/securitySchemes``.
BEARER, SESSION = "token", "session"
_RESPONSES = "#/components/responses/"


def models_of(said: Documentation) -> Iterator[tuple[type[BaseModel], Mode]]:
    """The models that a route names."""
    for model in (said.body, said.query, said.form):
        if model is not None:
            yield model, "validation"
    for answer in said.answers.values():
        if isinstance(answer, type):
            yield answer, "serialization"


def operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    """The route as OpenAPI says it."""
    said = route.documentation
    found: dict[str, Any] = {
        "operationId": route.endpoint.replace(".", "_"),
        "summary": said.summary if said else _first_sentence(route.view),
        "tags": [said.tag if said else PAGES],
    }
    if said:
        found["description"] = _text(inspect.getdoc(route.view) or said.summary)
    found["x-role"] = route.role.value if route.role else "everybody"
    if route.scope:
        found["x-scope"] = route.scope.value
    found["security"] = [{BEARER: []}, {SESSION: []}] if route.role else []
    parameters = [_path_parameter(name) for name in route.parameters]
    if said:
        parameters += _parameters(said, schemas)
        if body := _body(said, schemas):
            found["requestBody"] = body
    elif route.method != "get":
        found["requestBody"] = _FORM
    if parameters:
        found["parameters"] = parameters
    found["responses"] = _responses(route, said, schemas) if said else _PAGE_ANSWERS
    return found


#: What a page's form sends is between the page and the server.
_FORM = {
    "content": {
        "application/x-www-form-urlencoded": {
            "schema": {"type": "object", "additionalProperties": {"type": "string"}}
        }
    }
}


_PAGE_ANSWERS = {
    "2XX": {"$ref": f"{_RESPONSES}Page"},
    "3XX": {"$ref": f"{_RESPONSES}GoOn"},
    "4XX": {"$ref": f"{_RESPONSES}PageRefused"},
    "503": {"$ref": f"{_RESPONSES}PageAway"},
}


def responses() -> dict[str, Any]:
    """Answers that many routes share, for ``components/responses``."""
    problem = {MEDIA_TYPE: {"schema": {"$ref": f"{PLACE}{Problem.__name__}"}}}
    page: dict[str, Any] = {"text/html": {}}
    return {
        **{
            f"Error{status}": {"description": meaning, "content": problem}
            for status, meaning in MEANINGS.items()
        },
        "Page": {"description": "The page, or a part of it.", "content": page},
        "GoOn": {"description": "Go on there.", "content": page},
        "PageRefused": {"description": "Refused, with the reason.", "content": page | problem},
        "PageAway": {"description": MEANINGS[503], "content": page | problem},
    }


def _path_parameter(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
    }


def _parameters(said: Documentation, schemas: Schemas) -> Iterator[dict[str, Any]]:
    if said.query is not None:
        fields, required = schemas.fields(said.query, "validation")
        for name, field in fields.items():
            schema = never_null(field)
            parameter: dict[str, Any] = {"name": name, "in": "query"}
            if "description" in schema:
                parameter["description"] = schema.pop("description")
            if name in required:
                parameter["required"] = True
            yield {**parameter, "schema": schema}
    for name, description in said.headers.items():
        yield {
            "name": name,
            "in": "header",
            "description": description,
            "schema": {"type": "string"},
        }


def _body(said: Documentation, schemas: Schemas) -> dict[str, Any] | None:
    content: dict[str, Any] = {}
    if said.files or said.form:
        content["multipart/form-data"] = {"schema": _multipart(said, schemas)}
    if said.body:
        reference = schemas.reference(said.body, "validation")
        content["application/json"] = {"schema": reference}
    if not content:
        return None
    return {"required": not said.body_optional, "content": content}


def _multipart(said: Documentation, schemas: Schemas) -> Schema:
    properties: dict[str, Schema] = {}
    required: set[str] = set(said.files)
    if said.form is not None:
        fields, needed = schemas.fields(said.form, "validation")
        properties |= {name: never_null(schema) for name, schema in fields.items()}
        required |= needed
    for name, description in said.files.items():
        properties[name] = {
            "type": "string",
            "contentMediaType": "application/octet-stream",
            "description": description,
        }
    return {"type": "object", "properties": properties, "required": sorted(required)}


def _responses(route: Route, said: Documentation, schemas: Schemas) -> dict[str, Any]:
    found = {
        str(status): _answer(status, answer, schemas)
        for status, answer in sorted(said.answers.items())
    }
    for status in sorted(set(_errors(route, said))):
        if str(status) not in found:
            found[str(status)] = {"$ref": f"{_RESPONSES}Error{status}"}
    return found


def _answer(status: int, answer: Answer, schemas: Schemas) -> dict[str, Any]:
    if answer is None:
        return {"description": f"{HTTPStatus(status).phrase}."}
    if isinstance(answer, Content):
        return {"description": answer.description, "content": {answer.media_type: {}}}
    return {
        "description": _text((inspect.getdoc(answer) or "").split("\n\n")[0])
        or HTTPStatus(status).phrase,
        "content": {"application/json": {"schema": schemas.reference(answer, "serialization")}},
    }


def _errors(route: Route, said: Documentation) -> Iterable[int]:
    yield from said.errors
    # Of all routes: a NUL in the address, a session without its CSRF token, servers that are away.
    yield from (400, 503)
    if route.role is not None:
        yield from (401, 403, 429)
    if route.parameters:
        yield 404
    if said.query or said.body or said.form:
        yield 422
    if said.body or said.files:
        yield from (413, 415)


def _first_sentence(view: Any) -> str:
    """A page's summary. The docstring of a view is text with sentences, never empty."""
    paragraph = (inspect.getdoc(view) or "").split("\n\n")[0]
    return _text(paragraph.split(". ")[0].removesuffix(".")) + "."


def _text(docstring: str) -> str:
    """A docstring as Markdown, with a paragraph on one line."""
    paragraphs = docstring.replace("``", "`").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


#: The error model belongs to every route.
ALWAYS: tuple[tuple[type[BaseModel], Mode], ...] = ((Problem, "serialization"),)
