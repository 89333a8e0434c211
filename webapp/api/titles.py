"""``/api/titles``: what a video can belong to."""

from typing import Any

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, Field
from werkzeug.exceptions import UnprocessableEntity

from tasks.models import Title
from tasks.titles import NewTitle, UnknownParent, create_title, label, search_titles
from webapp.access import require_role
from webapp.api.bodies import json_object, parsed

bp = Blueprint("api_titles", __name__, url_prefix="/api/titles")


class Search(BaseModel):
    """Query parameters: ``q`` has words of the name or series."""

    q: str = Field("", max_length=200)
    limit: int = Field(20, ge=1, le=100)


@bp.get("")
@require_role("viewer")
def find() -> Response:
    """``{titles: [{id, kind, name, series, parentId, number, label}]}``, by name."""
    search = parsed(Search, request.args.to_dict())
    return jsonify(titles=[_shown(title) for title in search_titles(search.q, search.limit)])


@bp.post("")
@require_role("editor")
def create() -> tuple[Response, int]:
    """Makes a film ``{kind, name}``, a season ``{kind, name, series, number}`` or an episode
    ``{kind, name, parentId, number}``, and answers with it."""
    try:
        title = create_title(parsed(NewTitle, json_object(request)))
    except UnknownParent as error:
        raise UnprocessableEntity(str(error)) from None
    return jsonify(_shown(title)), 201


def _shown(title: Title) -> dict[str, Any]:
    return {
        "id": title.title_id,
        "kind": title.kind,
        "name": title.name,
        "series": title.series,
        "parentId": title.parent_id,
        "number": title.number,
        "label": label(title),
    }
