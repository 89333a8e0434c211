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

from tasks.settings import get_settings
from webapp import sockets, stopping
from webapp.auth.access import allowed, require_role
from webapp.live import feed_socket
from webapp.live.feed_reader import Reader
from webapp.live.feed_sender import close
from webapp.live.live_hub import PanelHub, Subscriber
from webapp.live.socket_hub import End
from webapp.live.socket_limit import SocketLimit
from webapp.pages.panels import VIEW_LENGTH, BadView, View
from webapp.sockets import WholeSends

#: What a browser may say at once, in bytes: a view.
MESSAGE_BYTES = 2 * VIEW_LENGTH

BAD_VIEW = 4400

bp = Blueprint("live", __name__)
sock = Sock()


def init_app(app: Flask) -> None:
    """Adds the sockets and this process's hubs; nothing runs before the first client comes."""
    sockets.init_app(app, MESSAGE_BYTES)
    reader = Reader()
    limit = app.extensions["socket_limit"] = SocketLimit(get_settings().sockets)
    hub = app.extensions["live_hub"] = PanelHub(app.jinja_env, reader)
    stopping.when_stopping(app, hub.stop)
    app.register_blueprint(bp)
    feed_socket.init_app(app, reader, limit)


@bp.before_request
def _check_origin() -> None:
    if sockets.from_another_site():
        raise Forbidden("This address is for the pages of Dailies alone.")


@sock.route("/ws/panels", bp=bp)
@require_role("viewer")
def panels(ws: Any) -> None:
    """Sends panels of the view in the query string, until told of another one.

    The browser says ``{"view": "page=jobs&status=failed"}`` when it looks at something else. It is
    closed as the event feed is: 4400 for what is no view, 4401 for who is signed out, 4408 for a
    view that takes too long, 4429 for too many sockets, 1001 by a server that ends.
    """
    hub: PanelHub = current_app.extensions["live_hub"]
    limit: SocketLimit = current_app.extensions["socket_limit"]
    whole = ws.sock = WholeSends(ws.sock)
    who = current_user._get_current_object()
    try:
        with limit.place(who) as free:
            if free:
                _serve(ws, hub, Subscriber(who, cut=whole.cut))
            else:
                close(ws, limit.end)
    finally:
        whole.cut()


def _serve(ws: Any, hub: PanelHub, subscriber: Subscriber) -> None:
    may = {"can_edit": allowed("editor"), "is_admin": allowed("admin")}
    threading.Thread(target=_send, args=(ws, subscriber), daemon=True).start()
    said: Any = request.query_string.decode(errors="replace")
    try:
        while True:
            try:
                hub.subscribe(subscriber, View.parse(said, **may))
            except BadView as error:
                subscriber.close(End(BAD_VIEW, str(error)))
            said = _view(ws.receive())
    except ConnectionClosed:
        return
    finally:
        hub.leave(subscriber)
        # Ends the sender: it waits for a message, or in a send that the cut ends.
        with contextlib.suppress(queue.Full):
            subscriber.messages.put_nowait(None)


def _view(message: Any) -> Any:
    try:
        return json.loads(message)["view"]
    except (TypeError, ValueError, KeyError, RecursionError):
        return None


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
