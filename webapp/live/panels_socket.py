"""WebSockets: `/ws/panels` keeps the page that a browser shows as things are."""

import contextlib
import json
import queue
import threading
from typing import Any

from flask import Blueprint, Flask, current_app, request
from flask_login import current_user
from flask_sock import Sock
from simple_websocket import ConnectionClosed
from werkzeug.exceptions import Forbidden

from webapp import sockets, stopping
from webapp.auth.access import allowed, require_role
from webapp.live import feed_socket
from webapp.live.feed_reader import Reader
from webapp.live.feed_sender import close
from webapp.live.live_hub import PanelHub, Subscriber
from webapp.live.socket_hub import End
from webapp.pages.panels import VIEW_LENGTH, View
from webapp.sockets import WholeSends

#: What a browser may say at once, in bytes: a view.
MESSAGE_BYTES = 2 * VIEW_LENGTH

bp = Blueprint("live", __name__)
sock = Sock()


def init_app(app: Flask) -> None:
    """Adds the sockets and this process's hubs; nothing runs before the first client comes."""
    sockets.init_app(app, MESSAGE_BYTES)
    reader = Reader()
    hub = app.extensions["live_hub"] = PanelHub(app.jinja_env, reader)
    stopping.when_stopping(app, hub.stop)
    app.register_blueprint(bp)
    feed_socket.init_app(app, reader)


@bp.before_request
def _check_origin() -> None:
    if sockets.from_another_site():
        raise Forbidden("This address is for the pages of Dailies alone.")


@sock.route("/ws/panels", bp=bp)
@require_role("viewer")
def panels(ws: Any) -> None:
    """Sends panels of the view in the query string, until told of another one.

    The browser says ``{"view": "page=jobs&status=failed"}`` when it looks at something else. It is
    closed as the event feed is: 4401 for who is signed out, 1001 by a server that ends.
    """
    hub: PanelHub = current_app.extensions["live_hub"]
    can_edit = allowed("editor")
    whole = ws.sock = WholeSends(ws.sock)
    subscriber = Subscriber(current_user._get_current_object(), cut=whole.cut)
    threading.Thread(target=_send, args=(ws, subscriber), daemon=True).start()
    try:
        hub.subscribe(subscriber, View.parse(request.query_string.decode(), can_edit=can_edit))
        while True:
            view = _view(ws.receive())
            if view is not None:
                hub.subscribe(subscriber, View.parse(view, can_edit=can_edit))
    except ConnectionClosed:
        return
    finally:
        hub.leave(subscriber)
        # Ends the sender: it waits for a message, or in a send that the cut ends.
        with contextlib.suppress(queue.Full):
            subscriber.messages.put_nowait(None)
        whole.cut()


def _view(message: Any) -> str | None:
    try:
        view = json.loads(message)["view"]
    except (TypeError, ValueError, KeyError):
        return None
    return view if isinstance(view, str) else None


def _send(ws: Any, subscriber: Subscriber) -> None:
    while (message := subscriber.messages.get()) is not None:
        if isinstance(message, End):
            close(ws, message)
            subscriber.cut()
            return
        try:
            ws.send(message)
        except (ConnectionClosed, OSError):
            return
