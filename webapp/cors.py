"""Pages of other sites may call the API from the origins of ``DAILIES_CORS_ORIGINS``.

Flask-CORS answers preflights and adds the headers, for the paths of the API alone. An origin is
compared whole. Cookies are never allowed along (no ``Allow-Credentials``): a page elsewhere shows
a token, or it is nobody. The WebSocket of events asks `webapp.sockets` about the same list.
"""

import re

from flask import Flask, Response, request, url_for
from flask_cors import CORS

from tasks.settings import get_settings

#: The API, as seen from elsewhere; pages, sign-in and streams are not in it.
PATHS = r"/(api|v1)/.*"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
#: What a script may send and read, besides what every script may.
SENT = ("Authorization", "Content-Type", "Idempotency-Key")
READ = ("Location", "Retry-After")
#: Seconds for which a browser keeps the answer to a preflight.
KEPT_SECONDS = 600
#: The script that other sites load from here.
EMBEDDED = "media-status.js"


def init_app(app: Flask) -> None:
    """Adds the headers; without a list there are none, and browsers refuse other sites' pages."""
    app.after_request(_open_embedded)
    origins = get_settings().allowed_origins
    if not origins:
        return
    CORS(
        app,
        resources={PATHS: {}},
        # Patterns, since the extension takes a literal with brackets (an IPv6 address) for one.
        origins=[re.compile(rf"{re.escape(origin)}\Z") for origin in origins],
        methods=list(METHODS),
        allow_headers=list(SENT),
        expose_headers=list(READ),
        supports_credentials=False,
        max_age=KEPT_SECONDS,
        # Else an answer to a request without an origin would name every origin that is allowed.
        always_send=False,
    )


def _open_embedded(response: Response) -> Response:
    if request.endpoint == "static" and request.path == url_for("static", filename=EMBEDDED):
        # It is public, and holds no more than anybody may read in its repository.
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers["Access-Control-Allow-Origin"] = "*"
    return response
