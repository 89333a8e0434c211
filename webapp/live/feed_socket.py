"""`/ws/events`: the event feed as JSON, for programs and for pages of others."""

import socket
import threading
from typing import Any

from flask import Blueprint, Flask, current_app, request
from flask_login import current_user
from flask_sock import Sock
from simple_websocket import ConnectionClosed

from webapp import stopping
from webapp.auth.access import require_role
from webapp.live import feed_query, feed_watch
from webapp.live.feed import FeedHub, Subscriber
from webapp.live.feed_reader import Reader
from webapp.live.feed_sender import Sender, close
from webapp.live.feed_stats import Stats
from webapp.live.socket_hub import End
from webapp.live.socket_limit import SocketLimit
from webapp.sockets import WholeSends, from_another_site, from_unknown_site

#: Bytes that the kernel keeps for a reader; it doubles them. More would hide how slow it is.
SEND_BUFFER_BYTES = 128 * 1024
BAD_QUERY = 4400
OTHER_SITE = 4403

bp = Blueprint("feed", __name__)
sock = Sock()


class Feed:
    """The feed's parts in this process; none of them runs before the first socket comes."""

    def __init__(self, reader: Reader, limit: SocketLimit) -> None:
        self.hub = FeedHub()
        self.limit = limit
        self._reader = reader
        self._stats = Stats(self.hub)
        self._lock = threading.Lock()
        self._started = False

    def start(self) -> None:
        """With the first socket, that is after gunicorn has forked."""
        with self._lock:
            if self._started:
                return
            self._started = True
            self._reader.listen(self.hub)
            self._reader.listen(self._stats)
            self._stats.start()
            feed_watch.start(self.hub, self._reader)


def init_app(app: Flask, reader: Reader, limit: SocketLimit) -> None:
    """Adds the route and this process's hub; its sockets share ``limit`` with all others."""
    feed = app.extensions["feed"] = Feed(reader, limit)
    stopping.when_stopping(app, feed.hub.stop)
    app.register_blueprint(bp)


@sock.route("/ws/events", bp=bp)
@require_role("viewer")
def events(ws: Any) -> None:
    """Sends events until the client goes, or must go; what it says is not listened to."""
    whole = ws.sock = WholeSends(ws.sock)
    try:
        if not current_user.by_token and from_another_site():
            close(ws, End(OTHER_SITE, "pages of another site may not use a session of this one"))
            return
        if from_unknown_site():
            close(ws, End(OTHER_SITE, "pages of this origin may not listen: see docs/embedding.md"))
            return
        try:
            wanted, after = feed_query.parse(request.args)
        except feed_query.BadQuery as error:
            close(ws, End(BAD_QUERY, str(error)))
            return
        whole.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        feed: Feed = current_app.extensions["feed"]
        who = current_user._get_current_object()
        with feed.limit.place(who) as free:
            if not free:
                close(ws, feed.limit.end)
                return
            feed.start()
            _serve(ws, whole, feed.hub, Subscriber(wanted, who, whole.cut), after)
    finally:
        whole.cut()
        ws.thread.join(1)


def _serve(
    ws: Any, whole: WholeSends, hub: FeedHub, subscriber: Subscriber, after: str | None
) -> None:
    hub.enter(subscriber)
    sender = Sender(ws, whole, hub, subscriber, after)
    threading.Thread(target=sender.run, name="feed sender", daemon=True).start()
    try:
        while True:
            ws.receive()
    except ConnectionClosed:
        pass
    finally:
        hub.leave(subscriber)
        # Ends the sender, where it waits for something to send.
        subscriber.close(End(1000, ""))
