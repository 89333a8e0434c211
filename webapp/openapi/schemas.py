"""JSON schemas of the models that routes name."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema

Schema = dict[str, Any]
Mode = Literal["validation", "serialization"]

PLACE = "#/components/schemas/"


class _Generator(GenerateJsonSchema):
    """Without what says nothing: titles made of names, and null as a default."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        found = super().default_schema(schema)
        if found.get("default", ...) is None:
            del found["default"]
        return found


class Schemas:
    """The schemas of some models, each under a name of its own."""

    def __init__(self, models: Iterable[tuple[type[BaseModel], Mode]]) -> None:
        wanted = list(dict.fromkeys(models))
        self._references, whole = models_json_schema(
            wanted, ref_template=f"{PLACE}{{model}}", schema_generator=_Generator
        )
        #: Name → schema, for ``components/schemas``.
        self.components: dict[str, Schema] = dict(sorted(whole.get("$defs", {}).items()))

    def reference(self, model: type[BaseModel], mode: Mode) -> Schema:
        """``{"$ref": …}`` to a model's schema."""
        return dict(self._references[model, mode])

    def fields(self, model: type[BaseModel], mode: Mode) -> tuple[dict[str, Schema], set[str]]:
        """A model's properties, and which of them are required."""
        schema = self.components[self.reference(model, mode)["$ref"].removeprefix(PLACE)]
        return dict(schema.get("properties", {})), set(schema.get("required", ()))


def never_null(schema: Schema) -> Schema:
    """The schema of a query parameter or form field: text, in which nobody can say null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if not kinds:
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**kinds[0], **rest} if len(kinds) == 1 else {"anyOf": kinds, **rest}
