"""A NUL in an address is never meant well, and databases and file systems choke on it."""

from flask import Flask, request
from werkzeug.exceptions import BadRequest


def init_app(app: Flask) -> None:
    """Refuses such addresses for every route, so that no view has to think of it."""
    app.before_request(_check)


def _check() -> None:
    if "\0" in request.path or b"%00" in request.query_string:
        raise BadRequest("This address has a character in it that no address can have.")
