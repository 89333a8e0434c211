"""One error format: problem+json (RFC 9457) for programs, the same facts as a page for people."""

import logging
import uuid
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import pymongo.errors
import redis.exceptions
from flask import Flask, Response, current_app, g, json, redirect, render_template, request, url_for
from jinja2 import TemplateNotFound
from markupsafe import escape
from mongoengine.connection import ConnectionFailure as NotConnected
from werkzeug.exceptions import HTTPException, MethodNotAllowed, Unauthorized
from werkzeug.exceptions import NotFound as NotFound404
from werkzeug.wrappers import Response as AnyResponse

from tasks.errors import NotOwner, StorageFailed
from tasks.infra.database import NotConfigured
from tasks.jobs.lifecycle import Conflict, NotFound
from tasks.records.log_lines import without_secrets

log = logging.getLogger(__name__)

#: Seconds after which a client may try again what failed because a server was away.
RETRY_AFTER = 5
#: Paths that programs call: problem+json whatever they accept.
PROGRAM_PATHS = (
    "/api/",
    "/v1/",
    "/media/",
    "/share/",
    "/healthz",
    "/readyz",
    "/ws/",
    "/openapi.json",
)

#: MongoDB's number of an error in what was asked.
_BAD_VALUE = 2

AWAY: dict[type[Exception], str] = {
    pymongo.errors.ConnectionFailure: "The database is away. Try again in a few seconds.",
    pymongo.errors.ExecutionTimeout: "The database is slow. Try again in a few seconds.",
    NotConnected: "The database is away. Try again in a few seconds.",
    NotConfigured: "The database is not set up: MONGO_URL is missing.",
    redis.exceptions.ConnectionError: "The queue is away. Try again in a few seconds.",
    redis.exceptions.TimeoutError: "The queue is away. Try again in a few seconds.",
    StorageFailed: "The storage is away. Try again in a few seconds.",
}


def init_app(app: Flask) -> None:
    """Answers every failure of a request; none of them shows a traceback to the client."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Unauthorized, _unauthorized)
    app.register_error_handler(NotFound, lambda error: problem(404, str(error)))
    app.register_error_handler(Conflict, lambda error: problem(409, str(error)))
    app.register_error_handler(NotOwner, lambda error: problem(409, error.sentence))
    for kind in AWAY:
        app.register_error_handler(kind, _away)
    app.register_error_handler(pymongo.errors.OperationFailure, _unprepared)
    app.register_error_handler(Exception, _unexpected)


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """An error answer as the client reads it: JSON, a page, or a toast for htmx.

    ``detail`` is one sentence for people.
    """
    title = HTTPStatus(status).phrase
    facts = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": without_secrets(request.path),
        "error": detail,
    }
    if wants_partial():
        response = Response(
            _markup("partials/toast.html", facts, toast_words=detail, toast_tone="refused"), status
        )
        response.headers["HX-Retarget"] = "#toasts"
        response.headers["HX-Reswap"] = "beforeend"
    elif wants_page():
        response = Response(_markup("pages/error.html", facts), status)
    else:
        response = Response(json.dumps(facts) + "\n", status, mimetype="application/problem+json")
    response.headers.extend(headers or {})
    return response


def wants_partial() -> bool:
    """Whether htmx asked, for a part of a page."""
    if request.headers.get("HX-Request") != "true" or _for_programs():
        return False
    return request.headers.get("HX-Request-Type", "partial") == "partial"


def wants_page() -> bool:
    """Whether a browser asked, for a whole page; ``*/*`` alone, as programs send it, isn't one."""
    if _for_programs():
        return False
    kinds = ("application/problem+json", "application/json", "text/html")
    return request.accept_mimetypes.best_match(kinds) == "text/html"


def _for_programs() -> bool:
    return request.path.startswith(PROGRAM_PATHS)


def _http(error: HTTPException) -> AnyResponse:
    if error.response is not None or error.code is None or error.code < 400:
        return error.get_response()  # such as a redirect
    kept = {"Allow", "Retry-After", "WWW-Authenticate", "Content-Range"}
    headers = {name: value for name, value in error.get_headers() if name in kept}
    return problem(error.code, _sentence(error), headers)


def _sentence(error: HTTPException) -> str:
    """The view's own sentence, or for an unknown address a sentence that helps."""
    if isinstance(error, MethodNotAllowed):
        return f"{request.method} does nothing here: use {' or '.join(_methods(error))}."
    if error.description == NotFound404.description:
        return (
            f"There is nothing at {without_secrets(request.path)[:200]}; /docs lists every address."
        )
    return error.description or HTTPStatus(error.code or 500).phrase


def _methods(error: MethodNotAllowed) -> list[str]:
    known = sorted(set(error.valid_methods or ()) - {"HEAD", "OPTIONS"})
    return known or ["another method"]


def _unauthorized(error: Unauthorized) -> AnyResponse:
    if wants_partial():
        headers = {"HX-Redirect": url_for("auth.sign_in", next=_page_of_htmx())}
        return problem(401, error.description or "Sign in.", headers)
    if wants_page() and request.endpoint != "auth.sign_in":
        target = request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else "/"
        return redirect(url_for("auth.sign_in", next=target), 303)
    headers = {"WWW-Authenticate": 'Bearer realm="dailies"'}
    return problem(401, error.description or "Sign in.", headers)


def _page_of_htmx() -> str:
    """The path of the page on which htmx asked."""
    try:
        here = urlsplit(request.headers.get("HX-Current-URL", ""))
    except ValueError:
        return "/"
    return (f"{here.path}?{here.query}" if here.query else here.path) or "/"


def _away(error: Exception) -> AnyResponse:
    log.warning("%s %s: %s: %s", request.method, request.path, type(error).__name__, error)
    # The error page must not wait for the same server to learn who is signed in.
    g._login_user = current_app.login_manager.anonymous_user()  # type: ignore[attr-defined]
    sentence = next(text for kind, text in AWAY.items() if isinstance(error, kind))
    return problem(503, sentence, {"Retry-After": str(RETRY_AFTER)})


def _unprepared(error: pymongo.errors.OperationFailure) -> AnyResponse:
    # A new version's indexes are made while it starts, and lists name the index they read.
    if error.code == _BAD_VALUE and "hint" in str(error):
        log.warning("%s %s: an index is not there yet: %s", request.method, request.path, error)
        sentence = "The database is being prepared. Try again in a few seconds."
        return problem(503, sentence, {"Retry-After": str(RETRY_AFTER)})
    return _unexpected(error)


def _unexpected(error: Exception) -> AnyResponse:
    number = uuid.uuid4().hex[:12]
    log.error("error %s in %s %s", number, request.method, request.path, exc_info=error)
    return problem(500, f"Something went wrong here. The log has it as error {number}.")


def _markup(template: str, facts: dict[str, Any], **more: str) -> str:
    try:
        return render_template(template, problem=facts, **more)
    except TemplateNotFound:
        pass
    except Exception:  # An error page that fails must not hide the error.
        log.exception("could not render %s", template)
    return f'<div role="alert"><h1>{escape(facts["title"])}</h1>{escape(facts["detail"])}</div>'
