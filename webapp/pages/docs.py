"""``/docs``: the description of the API, to read; made of the same document as `/openapi.json`."""

import re

from flask import Blueprint, current_app, render_template
from markupsafe import Markup, escape
from werkzeug.exceptions import NotFound

from webapp.auth.access import public
from webapp.deadline import without_deadline
from webapp.openapi.document import document
from webapp.openapi.problem import MEANINGS
from webapp.openapi.reading import Family, families

bp = Blueprint("docs", __name__)

_CODE = re.compile(r"`([^`]+)`")


@bp.app_template_filter()
def with_code(text: str) -> Markup:
    """Text in which what stands in backticks is code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


@bp.get("/docs")
@public
@without_deadline
def index() -> str:
    """The families of the API, with each of their calls."""
    return render_template(
        "pages/docs.html", families=_families(), about=document(current_app)["info"]
    )


@bp.get("/docs/<family>")
@public
@without_deadline
def one(family: str) -> str:
    """One family: what each of its calls takes and answers."""
    found = next((one for one in _families() if one.slug == family), None)
    if found is None:
        raise NotFound("The API has no such family.")
    return render_template(
        "pages/docs_family.html", family=found, families=_families(), meanings=MEANINGS
    )


def _families() -> list[Family]:
    read: list[Family] | None = current_app.extensions.get("openapi_families")
    if read is None:
        read = current_app.extensions["openapi_families"] = families(document(current_app))
    return read
