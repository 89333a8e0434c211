"""``/api/titles``: what a video can belong to."""

from typing import Literal

from flask import Blueprint, Response, request
from pydantic import BaseModel, Field
from werkzeug.exceptions import UnprocessableEntity

from tasks.control.titles import NewTitle, UnknownParent, create_title, label, search_titles
from tasks.models import Title
from webapp.api.answers import Answer, answered
from webapp.api.bodies import json_object, parsed, parsed_query
from webapp.auth.access import require_role
from webapp.openapi import documented

bp = Blueprint("api_titles", __name__, url_prefix="/api/titles")


class Search(BaseModel):
    """Query parameters: ``q`` has words of the name or series."""

    q: str = Field("", max_length=200)
    limit: int = Field(20, ge=1, le=100)


class TitleAnswer(Answer):
    """A film, a season of a series, or an episode of a season (``parentId``)."""

    id: str
    kind: Literal["film", "season", "episode"]
    name: str
    series: str | None
    parent_id: str | None
    number: int | None
    label: str


class TitlesAnswer(Answer):
    """Titles by name."""

    titles: list[TitleAnswer]


@bp.get("")
@require_role("viewer")
@documented("Finds titles.", tag="Titles", query=Search, answers={200: TitlesAnswer})
def find() -> Response:
    """Titles whose name or series has every word of ``q``."""
    search = parsed_query(Search, request.args)
    titles = search_titles(search.q, search.limit)
    return answered(TitlesAnswer(titles=[_shown(title) for title in titles]))


@bp.post("")
@require_role("editor", scope="upload")
@documented("Makes a title.", tag="Titles", body=NewTitle, answers={201: TitleAnswer})
def create() -> Response:
    """Makes a film ``{kind, name}``, a season ``{kind, name, series, number}`` or an episode
    ``{kind, name, parentId, number}``, and answers with it."""
    try:
        title = create_title(parsed(NewTitle, json_object(request)))
    except UnknownParent as error:
        raise UnprocessableEntity(str(error)) from None
    return answered(_shown(title), 201)


def _shown(title: Title) -> TitleAnswer:
    return TitleAnswer(
        id=title.title_id,
        kind=title.kind,
        name=title.name,
        series=title.series,
        parent_id=title.parent_id,
        number=title.number,
        label=label(title),
    )
