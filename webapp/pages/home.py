"""The address without a path leads to the jobs."""

from flask import Blueprint, redirect
from werkzeug.wrappers import Response

from webapp import format as say
from webapp.auth.access import public

bp = Blueprint("home", __name__)


@bp.record_once
def _add_filters(state: object) -> None:
    state.app.jinja_env.filters.update(say.FILTERS)  # type: ignore[attr-defined]


@bp.get("/")
@public
def home() -> Response:
    """To the jobs page, which asks whoever isn't signed in to do so."""
    return redirect("/jobs", 303)
