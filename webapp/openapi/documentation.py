"""Descriptions of routes, for `/openapi.json` and `/docs`.

Put it below the access rule. It only describes: what comes in is checked by `webapp.api.bodies`,
and the tests send what is described, and worse, and hold the answers against this::

    @bp.post("/titles")
    @require_role("editor")
    @documented("Makes a title.", tag="Titles", body=NewTitle, answers={201: TitleAnswer})
    def create() -> Response: ...
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import BaseModel

View = TypeVar("View", bound=Callable[..., Any])

#: The attribute of a view that holds what it says of itself.
_SAID = "documentation"


@dataclass(frozen=True)
class Content:
    """An answer that is no JSON object of ours: its media type, and one sentence about it."""

    media_type: str
    description: str


#: A model is an answer in JSON, None one without a body.
Answer = type[BaseModel] | Content | None


@dataclass(frozen=True)
class Documentation:
    """One route's own part of the document; what is true of all routes is added to it there."""

    summary: str
    tag: str
    body: type[BaseModel] | None = None
    body_optional: bool = False
    query: type[BaseModel] | None = None
    form: type[BaseModel] | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[int, Answer] = field(default_factory=dict)
    errors: Collection[int] = ()


def documented(
    summary: str,
    *,
    tag: str,
    answers: Mapping[int, Answer],
    body: type[BaseModel] | None = None,
    body_optional: bool = False,
    query: type[BaseModel] | None = None,
    form: type[BaseModel] | None = None,
    files: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    errors: Collection[int] = (),
) -> Callable[[View], View]:
    """Describes a route; the view's docstring is the longer description.

    ``summary`` is a sentence, ``tag`` the family it is shown in. ``body`` is a JSON body, ``query``
    the query parameters; ``files`` (name → what it is) and ``form`` are parts of a multipart body.
    Where there are ``body`` and ``files``, a client sends either. ``headers`` (name → what it does)
    are optional. ``errors`` are the statuses of 400 and above that this route's own rules lead to,
    as problem+json; those of all routes, of the access rule, and of reading ``body``, ``query`` and
    ``files`` are added. Raises ValueError for what cannot be so.
    """
    if not summary.endswith("."):
        raise ValueError(f"a summary is a sentence: {summary!r}")
    if not any(200 <= status < 400 for status in answers):
        raise ValueError(f"answers are of 200 to 399, at least one: {sorted(answers)}")
    if any(HTTPStatus(status) < 400 for status in errors):
        raise ValueError(f"errors begin at 400: {sorted(errors)}")
    said = Documentation(
        summary,
        tag,
        body=body,
        body_optional=body_optional,
        query=query,
        form=form,
        files=dict(files or {}),
        headers=dict(headers or {}),
        answers=dict(answers),
        errors=tuple(errors),
    )

    def mark(view: View) -> View:
        setattr(view, _SAID, said)
        return view

    return mark


def documentation_of(view: Callable[..., Any]) -> Documentation | None:
    """The documentation of a view, or None."""
    said: Documentation | None = getattr(view, _SAID, None)
    return said
