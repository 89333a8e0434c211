"""Models of answers, from which both the JSON and its documentation are made."""

from datetime import datetime
from typing import Annotated

from flask import Response, jsonify
from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from tasks.models.clock import aware


def moment(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and Z, as JavaScript writes it."""
    return aware(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


#: A time, as it is answered.
At = Annotated[
    datetime,
    PlainSerializer(moment, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]


class Answer(BaseModel):
    """Base of all answers: names in camelCase, and nothing in them that is not documented.

    A field with a default is left out of the JSON where nobody sets it; one that is set to None is
    null.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="forbid"
    )


def answered(answer: Answer, status: int = 200, *, location: str | None = None) -> Response:
    """The response with an answer in it; ``location`` is where to look further."""
    response = jsonify(answer.model_dump(mode="json", by_alias=True, exclude_unset=True))
    response.status_code = status
    if location is not None:
        response.headers["Location"] = location
    return response
