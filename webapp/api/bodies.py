"""What programs send: JSON bodies and query parameters, refused with a sentence where wrong."""

from typing import Any, TypeVar

from flask import Request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import (
    BadRequest,
    RequestEntityTooLarge,
    UnprocessableEntity,
    UnsupportedMediaType,
)

MAX_JSON_BYTES = 64 * 1024

Model = TypeVar("Model", bound=BaseModel)


def json_object(request: Request) -> dict[str, Any]:
    """The body as a dictionary. Raises UnsupportedMediaType, RequestEntityTooLarge, BadRequest."""
    if not request.is_json:
        raise UnsupportedMediaType("Send a JSON object, with Content-Type: application/json.")
    request.max_content_length = MAX_JSON_BYTES
    try:
        body = request.get_json()
    except RequestEntityTooLarge:
        raise RequestEntityTooLarge("The JSON body is too large.") from None
    except (BadRequest, RecursionError, ValueError):
        # ValueError: among others, numbers of more than 4,300 digits.
        raise BadRequest("The body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise BadRequest("The body is JSON, but not an object.")
    return body


def parsed(model: type[Model], values: dict[str, Any]) -> Model:
    """The values as a model. Raises UnprocessableEntity naming each wrong one."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        sentences = []
        for problem in error.errors(include_url=False, include_input=False):
            where = ".".join(str(step)[:100] for step in problem["loc"])
            what = problem["msg"].removeprefix("Value error, ")
            sentences.append(f"{where}: {what}" if where else what)
        raise UnprocessableEntity(("; ".join(sentences[:5]) + ".").capitalize()) from None
