"""Answers that hold partials as well as those that hold pages."""

from flask import Response, make_response


def for_browser(html: str, status: int = 200) -> Response:
    """An answer that one address gives in two forms, and that nobody may keep.

    Without ``Vary`` and ``no-store`` the back button would show a lone partial.
    """
    response = make_response(html, status)
    response.headers["Vary"] = "HX-Request, Cookie"
    response.headers["Cache-Control"] = "no-store"
    return response
