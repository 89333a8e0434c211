"""Requests of programs: JSON bodies and query parameters, refused with a sentence where wrong."""

import re
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import (
    BadRequest,
    RequestEntityTooLarge,
    UnprocessableEntity,
    UnsupportedMediaType,
)

from webapp.body_limits import MAX_JSON_BYTES

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails
    from werkzeug.datastructures import MultiDict

#: What of wrong values is said again.
_SHOWN = (str, int, float, bool, type(None))

Model = TypeVar("Model", bound=BaseModel)


def json_object(request: Request, *, empty: bool = False) -> dict[str, Any]:
    """The body as a dictionary; with ``empty`` no body at all is an empty one.

    What was sent decides, whatever the headers say of its length. Raises UnsupportedMediaType,
    RequestEntityTooLarge, BadRequest.
    """
    request.max_content_length = MAX_JSON_BYTES
    try:
        if empty and not request.get_data():
            return {}
        if not request.is_json:
            raise UnsupportedMediaType("Send a JSON object, with Content-Type: application/json.")
        body = request.get_json()
    except RequestEntityTooLarge:
        raise RequestEntityTooLarge("The JSON body is too large.") from None
    except UnsupportedMediaType:
        raise
    except (BadRequest, RecursionError, ValueError):
        # ValueError: among others, numbers of more than 4,300 digits.
        raise BadRequest("The body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise BadRequest("The body is JSON, but not an object.")
    return body


def parsed_query(model: type[Model], values: "MultiDict[str, str]") -> Model:
    """Query parameters as a model. Raises UnprocessableEntity, also where one is given twice."""
    twice = [name for name, given in values.lists() if len(given) > 1]
    if twice:
        raise UnprocessableEntity(f"{twice[0][:100]}: give it once, not several times.")
    return parsed(model, values.to_dict())


def parsed(model: type[Model], values: dict[str, Any]) -> Model:
    """The values as a model. Raises UnprocessableEntity naming each wrong one."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        sentences = [_sentence(problem) for problem in error.errors(include_url=False)]
        raise UnprocessableEntity(f"{'; '.join(sentences[:5])}.") from None


def _sentence(problem: "ErrorDetails") -> str:
    """``limit: must be less than or equal to 200, and is '900'``: names and values as they are."""
    where = ".".join(str(step)[:100] for step in problem["loc"])
    if problem["type"] == "missing":
        return f"{where}: is missing"
    if problem["type"] == "extra_forbidden":
        return f"{where}: is not known here"
    what = problem["msg"].removeprefix("Value error, ")
    if not where:
        return what[:1].upper() + what[1:]
    # pydantic says "Input should be …".
    what = what[:1].lower() + what[1:]
    what = re.sub("^(input|string|list) should ", "must ", what)
    given = problem["input"]
    if not isinstance(given, _SHOWN):
        return f"{where}: {what}"
    shown = repr(given)
    return f"{where}: {what}, and is {shown if len(shown) <= 60 else f'{shown[:60]}…'}"
