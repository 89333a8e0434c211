"""Another site must not act through a signed-in browser: unsafe requests carry a token."""

from flask import Flask, current_app, g, request
from flask_login import current_user
from flask_wtf.csrf import CSRFError, CSRFProtect, ValidationError, validate_csrf

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
HEADER = "X-CSRFToken"
FIELD = "csrf_token"


def init_app(app: Flask) -> None:
    """Gives templates ``csrf_token()`` and checks each unsafe request, before its view runs."""
    # Flask-WTF's own check would read a whole upload, looking for a form field in it.
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    CSRFProtect(app)
    app.before_request(_check)


def _check() -> None:
    if request.method in SAFE_METHODS or request.endpoint in (None, "static"):
        return
    if current_user.by_token:
        return
    token = request.headers.get(HEADER)
    if token is None and request.mimetype == "application/x-www-form-urlencoded":
        token = request.form.get(FIELD)
    try:
        validate_csrf(token)
    except ValidationError as error:
        current_app.logger.info("refused %s %s: %s", request.method, request.path, error)
        raise CSRFError(
            "This page is out of date, or the request came from another site. "
            "Reload the page and try again."
        ) from None
    g.csrf_valid = True
