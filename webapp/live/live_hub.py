"""One a web process: follows the event feed, renders what changed once a view, and hands it out.

A change marks the views that it may concern; they are rendered at most four times a second, and
every few seconds whatever the feed says, so that a page is true also when Redis is away. Sockets
with equal views get the very same message.
"""

import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pymongo
import redis
from jinja2 import Environment
from mongoengine.connection import ConnectionFailure as NotConnected
from mongoengine.connection import get_db
from pymongo.errors import ConnectionFailure, PyMongoError

from tasks.errors import StorageFailed
from tasks.feed import events
from tasks.infra import database, redis_client
from webapp.live import feed_watch
from webapp.live.feed_reader import Gap, Listener, Reader
from webapp.live.socket_hub import GOING_AWAY, End, Socket, SocketHub
from webapp.pages.panels import BadView, Panels, Renderer, View, drift_now, workers_now

log = logging.getLogger(__name__)

#: Seconds between two rounds, at least.
ROUND_SECONDS = 0.25
#: A round takes at most one part in so many of the time, so that requests come first; the rest that
#: follows is no longer than that.
REST, MOST_REST_SECONDS = 3, 5.0
#: Seconds until the next try where a round failed.
RETRY_SECONDS = 1.0
#: Seconds after which everything is rendered anew, feed or no feed.
REFRESH_SECONDS = 5.0
#: The same while the feed is away, and nothing says what changed.
BLIND_SECONDS = 1.0
#: Seconds without any other message after which a browser is told that the line is alive.
BEAT_SECONDS = 10.0
#: Messages that a browser may be behind before it is dropped; it comes back and gets all anew.
BACKLOG = 32
#: Seconds that the database calls of one view may take; beyond, its sockets are closed.
VIEW_SECONDS = 3.0
VIEW_TOO_SLOW = 4408
#: Seconds in which a database that is there answers a ping.
PING_SECONDS = 1.0
BEAT = json.dumps({"beat": 1})

_TOO_SLOW = End(VIEW_TOO_SLOW, f"this view takes longer than {VIEW_SECONDS:g} s: narrow it")
_FAULT = End(1011, "a fault of ours: the log knows more")
_BAD_VIEW = 4400


class Subscriber(Socket):
    """One socket's mailbox."""

    def __init__(self, credential: Any, cut: Callable[[], None]) -> None:
        super().__init__(credential, cut)
        self.messages: queue.Queue[str | End | None] = queue.Queue(BACKLOG)
        self.last_put = time.monotonic()

    def put(self, message: str) -> bool:
        """Leaves a message; False where the mailbox is full, and the socket must go."""
        self.last_put = time.monotonic()
        try:
            self.messages.put_nowait(message)
        except queue.Full:
            return False
        return True

    def _tell(self, end: End) -> None:
        try:
            self.messages.put_nowait(end)
        except queue.Full:
            self.cut()


@dataclass
class Shown:
    """One view: who has ``panels`` in front of them, and the ``fresh`` ones who have nothing."""

    subscribers: set[Subscriber] = field(default_factory=set)
    fresh: set[Subscriber] = field(default_factory=set)
    panels: Panels | None = None
    #: Seconds that rendering it took the last time.
    took: float = 0.0

    def forget(self, subscriber: Subscriber) -> None:
        """It looks at something else now, or is gone."""
        self.subscribers.discard(subscriber)
        self.fresh.discard(subscriber)


class PanelHub(SocketHub[Subscriber], Listener):
    """The subscribers of this process by view, and the loop that serves them."""

    def __init__(self, environment: Environment, reader: Reader) -> None:
        super().__init__(End(GOING_AWAY, "this server is going away"))
        self._environment = environment
        self._reader = reader
        self._views: dict[View, Shown] = {}
        #: Views whose last try ended with the connection to the database, after the time limit.
        self._timed_out: set[View] = set()
        self._changed: set[str] = set()
        self._all_changed = False
        self._wake = threading.Event()
        self._started = False
        self._feed_is_there: bool | None = None
        self._workers: int | None = None
        self._drift: int | None = None
        self._counted_at = float("-inf")

    def subscribe(self, subscriber: Subscriber, view: View) -> None:
        """Sends everything of a view in the next round, and from then on what changes."""
        self._start()
        with self._lock:
            if self._stopping:
                subscriber.close(self._going)
            if subscriber.end is not None:
                return
            self._all.add(subscriber)
            self._forget(subscriber)
            self._views.setdefault(view, Shown()).fresh.add(subscriber)
        self._wake.set()

    def _forget(self, socket: Subscriber) -> None:
        for shown in self._views.values():
            shown.forget(socket)
        self._views = {v: s for v, s in self._views.items() if s.subscribers or s.fresh}
        self._timed_out &= self._views.keys()

    def _start(self) -> None:
        # With the first socket, that is after gunicorn has forked.
        with self._lock:
            if self._started:
                return
            self._started = True
        # The reader tells its listeners under a lock of its own.
        self._reader.listen(self)
        threading.Thread(target=self._run, name="live", daemon=True).start()
        feed_watch.start(self, self._reader)

    def joined(self, position: str, gap: Gap | None) -> None:
        """The feed is there (again): what happened meanwhile is seen by looking at everything."""
        self._feed_is_there = True
        self._touch_all()

    def take(self, batch: Sequence[events.Event]) -> None:
        """Something happened."""
        for event in batch:
            self._touch(event)
        self._wake.set()

    def lost(self) -> None:
        """The feed is away: pages are refreshed without it."""
        self._feed_is_there = False
        self._wake.set()

    def _touch(self, event: events.Event) -> None:
        with self._lock:
            if event.name == "workersChanged":
                self._counted_at = float("-inf")
                self._all_changed = True
            if event.name == "jobRepaired":
                self._changed.add("drift")
            job_id = event.data.get("transcodeId") or event.data.get("jobId")
            if job_id:
                self._changed.add(str(job_id))
            if event.data.get("kind") == "bulk":
                self._changed.add("operations")
            if event.data.get("kind") not in ("step", "analysis"):
                self._changed.add("jobs")
            if event.data.get("kind") == "analysis":
                self._changed.add("modules")
            if event.name in ("mediaChanged", "JobCompleted"):
                self._changed.add("library")

    def _touch_all(self) -> None:
        with self._lock:
            self._all_changed = True
        self._wake.set()

    def _run(self) -> None:
        refreshed = float("-inf")
        complained = False
        while True:
            pause = REFRESH_SECONDS if self._feed_is_there else BLIND_SECONDS
            self._wake.wait(max(0.0, refreshed + pause - time.monotonic()))
            self._wake.clear()
            began = time.monotonic()
            whole = began >= refreshed + pause
            if whole:
                refreshed = began
            rest = RETRY_SECONDS
            try:
                with redis_client.briefly():
                    self._round(whole)
                complained = False
                rest = rest_after(time.monotonic() - began)
            except (PyMongoError, NotConnected, database.NotConfigured) as error:
                if not complained:
                    log.warning("live pages stand still: %s", error)
                complained = True
                self._touch_all()
            except Exception:
                log.exception("a live page could not be rendered")
            self._beat()
            time.sleep(rest)

    def _round(self, whole: bool) -> None:
        with self._lock:
            changed, self._changed = self._changed, set()
            whole, self._all_changed = whole or self._all_changed, False
            due = [v for v, s in self._views.items() if whole or s.fresh or touches(changed, v)]
        if not due:
            return
        self._count_workers()
        database.connect()
        renderer = Renderer(self._environment, self._workers, self._drift)
        # A view that was slow the last time makes none wait that is quick.
        for view in sorted(due, key=self._took):
            self._show(renderer, view)

    def _took(self, view: View) -> float:
        with self._lock:
            shown = self._views.get(view)
            return shown.took if shown is not None else 0.0

    def _show(self, renderer: Renderer, view: View) -> None:
        """Renders a view and hands it out; where that fails, it ends that view's sockets alone.

        Raises what the database raises while it is away.
        """
        began = time.monotonic()
        try:
            with pymongo.timeout(VIEW_SECONDS):
                panels = renderer.render(view)
        except (redis.RedisError, StorageFailed) as error:
            log.info("the page %s stands still: %s", view.page, type(error).__name__)
        except (NotConnected, database.NotConfigured):
            raise
        except ConnectionFailure as error:
            # Once is no proof: the database may just have come back from being away.
            if not (error.timeout and view in self._timed_out and _database_answers()):
                self._timed_out.add(view)
                raise
            self._close(view, _TOO_SLOW)
        except BadView as error:
            self._close(view, End(_BAD_VIEW, str(error)))
        except PyMongoError as error:
            if not error.timeout:
                log.exception("the page %s cannot be rendered", view.page)
            self._close(view, _TOO_SLOW if error.timeout else _FAULT)
        except Exception:
            log.exception("the page %s cannot be rendered", view.page)
            self._close(view, _FAULT)
        else:
            self._timed_out.discard(view)
            self._hand_out(view, panels, time.monotonic() - began)

    def _close(self, view: View, end: End) -> None:
        with self._lock:
            shown = self._views.get(view)
            if shown is not None:
                self._end([*shown.subscribers, *shown.fresh], end)

    def _count_workers(self) -> None:
        if time.monotonic() < self._counted_at + BLIND_SECONDS:
            return
        self._counted_at = time.monotonic()
        try:
            self._workers, self._drift = workers_now(), drift_now()
        except redis.RedisError:
            self._workers = self._drift = None

    def _hand_out(self, view: View, panels: Panels, took: float) -> None:
        with self._lock:
            shown = self._views.get(view)
            if shown is None:
                return
            known, fresh = list(shown.subscribers), list(shown.fresh)
            news = messages(shown.panels, panels) if known else []
            everything = messages(None, panels) if fresh else []
            shown.panels, shown.took = panels, took
            shown.subscribers |= shown.fresh
            shown.fresh = set()
        self._send(known, news)
        self._send(fresh, everything)

    def _send(self, subscribers: Iterable[Subscriber], news: Sequence[str]) -> None:
        for subscriber in subscribers:
            if not all(subscriber.put(message) for message in news):
                log.warning("a browser that reads too slowly is dropped")
                self.leave(subscriber)
                subscriber.cut()

    def _beat(self) -> None:
        late = time.monotonic() - BEAT_SECONDS
        with self._lock:
            silent = [
                subscriber
                for shown in self._views.values()
                for subscriber in shown.subscribers
                if subscriber.last_put < late
            ]
        self._send(silent, [BEAT])


def _database_answers() -> bool:
    """Whether a time-out is the fault of what was asked, and not of a database that is away."""
    try:
        with pymongo.timeout(PING_SECONDS):
            get_db().command("ping")
    except PyMongoError:
        return False
    return True


def rest_after(took: float) -> float:
    """Seconds that nothing is rendered after a round that took so many."""
    needed = REST * took if took > ROUND_SECONDS / 4 else 0.0
    return max(ROUND_SECONDS - took, min(needed, MOST_REST_SECONDS))


def touches(changed: set[str], view: View) -> bool:
    """Whether what changed (job ids, and ``jobs``, ``library`` or ``drift`` as a whole) may be in a
    view."""
    if view.page in ("job", "module", "operation"):
        return view.values.get("id") in changed
    if view.page in changed:
        return True
    return view.page == "jobs" and not changed.isdisjoint(view.open_ids)


def messages(before: Panels | None, now: Panels) -> list[str]:
    """Messages that bring a browser from one state, or from none, to the next.

    Rows that come, go or change places are a message of their own. It names the ``rows`` of a list
    in order, so that the browser may put it off while somebody points at one that would move;
    everything else is one other message.
    """
    old = {} if before is None else before.parts
    parts = [markup for target, markup in now.parts.items() if old.get(target) != markup]
    told = []
    if now.frame and (before is None or before.shape != now.shape):
        told.append(json.dumps({"content": now.frame, "rows": now.rows}))
    if parts:
        told.append(json.dumps({"content": "".join(parts)}))
    return told
