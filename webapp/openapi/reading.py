"""The description as people read it: the same document, flattened into lines and tables."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from webapp.openapi.families import PAGES
from webapp.openapi.problem import MEDIA_TYPE
from webapp.openapi.schemas import Schema, never_null

#: How deep fields of fields are listed.
DEPTH = 4


@dataclass(frozen=True)
class Field:
    """One field or parameter; ``kind`` is its type in words, ``depth`` how far it is indented."""

    name: str
    kind: str
    required: bool
    description: str
    depth: int = 0


@dataclass(frozen=True)
class Body:
    """A body in one media type; without ``fields`` where it is no JSON."""

    media_type: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Answer:
    """One status, what it says, and what is in it."""

    status: str
    description: str
    bodies: tuple[Body, ...]


@dataclass(frozen=True)
class Operation:
    """One call. ``parameters`` are by where they go: path, query, header."""

    id: str
    method: str
    path: str
    summary: str
    paragraphs: tuple[str, ...]
    role: str
    scope: str
    parameters: tuple[tuple[str, tuple[Field, ...]], ...]
    bodies: tuple[Body, ...]
    answers: tuple[Answer, ...]
    errors: tuple[Answer, ...]


@dataclass(frozen=True)
class Family:
    """The calls of one tag; ``slug`` is its place below ``/docs``."""

    name: str
    slug: str
    description: str
    operations: tuple[Operation, ...]

    @property
    def pages(self) -> bool:
        """Whether these are the pages of people, which have nothing to read but their addresses."""
        return self.name == PAGES


def families(document: Mapping[str, Any]) -> list[Family]:
    """Everything that the document describes, in its order."""
    reader = _Reader(document)
    return [
        Family(
            tag["name"],
            re.sub(r"[^a-z0-9]+", "-", tag["name"].lower()).strip("-"),
            tag["description"],
            tuple(reader.operations(tag["name"])),
        )
        for tag in document["tags"]
    ]


class _Reader:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def operations(self, tag: str) -> Iterator[Operation]:
        for path, methods in self._document["paths"].items():
            for method, said in methods.items():
                if tag in said["tags"]:
                    yield self._operation(path, method, said)

    def _operation(self, path: str, method: str, said: Mapping[str, Any]) -> Operation:
        paragraphs = said.get("description", "").split("\n\n")
        parameters: dict[str, list[Field]] = {}
        for one in said.get("parameters", ()):
            field = self._field(one["name"], one["schema"], bool(one.get("required")))
            described = Field(
                field.name, field.kind, field.required, one.get("description", field.description)
            )
            parameters.setdefault(one["in"], []).append(described)
        answers = [self._answer(status, one) for status, one in said["responses"].items()]
        return Operation(
            id=said["operationId"],
            method=method.upper(),
            path=path,
            summary=said["summary"],
            paragraphs=tuple(part for part in paragraphs if part and part != said["summary"]),
            role=said["x-role"],
            scope=said.get("x-scope", ""),
            parameters=tuple((place, tuple(fields)) for place, fields in parameters.items()),
            bodies=self._bodies(said.get("requestBody", {})),
            answers=tuple(answer for answer in answers if not self._is_error(answer)),
            errors=tuple(answer for answer in answers if self._is_error(answer)),
        )

    def _answer(self, status: str, said: Mapping[str, Any]) -> Answer:
        whole = self._resolved(said)
        return Answer(status, whole["description"], self._bodies(whole))

    def _is_error(self, answer: Answer) -> bool:
        return any(body.media_type == MEDIA_TYPE for body in answer.bodies)

    def _bodies(self, said: Mapping[str, Any]) -> tuple[Body, ...]:
        return tuple(
            Body(media_type, tuple(self._fields(one.get("schema", {}), 0)))
            for media_type, one in said.get("content", {}).items()
        )

    def _fields(self, schema: Schema, depth: int) -> Iterator[Field]:
        whole = self._resolved(schema)
        for number, inner in enumerate(self._choices(whole)):
            if number:
                yield Field("or", "", required=True, description="", depth=depth)
            required = set(inner.get("required", ()))
            for name, field in inner.get("properties", {}).items():
                yield self._field(name, field, name in required, depth)
                if depth < DEPTH:
                    yield from self._fields(self._inside(field), depth + 1)

    def _choices(self, schema: Schema) -> list[Schema]:
        choices = [self._resolved(one) for one in schema.get("anyOf", [schema])]
        return [one for one in choices if one.get("properties")]

    def _inside(self, schema: Schema) -> Schema:
        """The fields of a value; of a list, those of an item."""
        whole = self._resolved(never_null(self._resolved(schema)))
        return self._resolved(whole["items"]) if "items" in whole else whole

    def _field(self, name: str, schema: Schema, required: bool, depth: int = 0) -> Field:
        whole = self._resolved(schema)
        return Field(name, self._kind(whole), required, schema.get("description", ""), depth)

    def _kind(self, schema: Schema) -> str:
        whole = self._resolved(schema)
        if "anyOf" in whole:
            return " or ".join(dict.fromkeys(self._kind(one) for one in whole["anyOf"]))
        if "enum" in whole:
            return "one of " + ", ".join(f"`{value}`" for value in whole["enum"])
        if "const" in whole:
            return f"`{whole['const']}`"
        kind = str(whole.get("type", "anything"))
        if kind == "array":
            inside = self._kind(whole.get("items", {}))
            return f"list of {inside}" if inside != "anything" else "list"
        if kind == "string" and "contentMediaType" in whole:
            return "file"
        if kind == "string" and whole.get("format") == "date-time":
            return "time"
        return f"{kind}{_limits(whole)}"

    def _resolved(self, schema: Mapping[str, Any]) -> Schema:
        """The schema or answer itself, where it is a reference to one."""
        found = dict(schema)
        while "$ref" in found:
            place: Any = self._document
            for step in found["$ref"].removeprefix("#/").split("/"):
                place = place[step]
            found = {**place, **{key: value for key, value in found.items() if key != "$ref"}}
        return found


def _limits(schema: Schema) -> str:
    least = schema.get("minimum", schema.get("minLength", schema.get("minItems")))
    most = schema.get("maximum", schema.get("maxLength", schema.get("maxItems")))
    if schema.get("minLength") == 1 and most is None:
        return ""
    unit = " characters" if schema.get("type") == "string" else ""
    if least is not None and most is not None:
        limits = f", {least:,} to {most:,}{unit}"
    elif most is not None:
        limits = f", at most {most:,}{unit}"
    else:
        limits = "" if least is None else f", at least {least:,}{unit}"
    default = schema.get("default")
    return limits if default in (None, "", [], {}) else f"{limits}, else {default}"
