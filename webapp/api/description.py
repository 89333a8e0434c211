"""``/openapi.json``: this API's description, for programs."""

from flask import Blueprint, Response, current_app, jsonify

from webapp.auth.access import public
from webapp.deadline import without_deadline
from webapp.openapi import Content, documented
from webapp.openapi.document import document

bp = Blueprint("api_description", __name__)


@bp.get("/openapi.json")
@public
@without_deadline
@documented(
    "This API's description.",
    tag="This description",
    answers={200: Content("application/json", "An OpenAPI 3.1 document.")},
)
def show() -> Response:
    """Every route but the WebSockets, in OpenAPI 3.1, made from the code that answers them."""
    return jsonify(document(current_app))
