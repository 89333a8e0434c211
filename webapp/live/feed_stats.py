"""``statsChanged``: how many jobs there are in each state, told when that has changed."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

from mongoengine.connection import ConnectionFailure as NotConnected
from pymongo.errors import PyMongoError

from tasks.feed.event_fields import EventKind
from tasks.feed.events import Event
from tasks.infra import database
from tasks.listing import job_counts
from tasks.models import TranscodeJob, UploadJob
from webapp.deadline import in_time
from webapp.live.feed import FeedHub
from webapp.live.feed_reader import Gap, Listener

log = logging.getLogger(__name__)

#: Seconds between two counts, at least.
EVERY_SECONDS = 1.0
#: Counting takes at most one part in so many of the time: millions of rows take a while.
REST = 3

_COUNTED = (EventKind.transcode, EventKind.upload)
_UNCHANGED = ("transcodeProgress", "uploadProgress")


class Stats(Listener):
    """Counts after a change, for as long as anybody wants to know, and tells the hub."""

    def __init__(self, hub: FeedHub) -> None:
        self._hub = hub
        self._changed = threading.Event()
        self._told: dict[str, Any] | None = None

    def start(self) -> None:
        """Begins; to be called once, after gunicorn has forked."""
        threading.Thread(target=self._run, name="feed stats", daemon=True).start()

    def take(self, batch: Sequence[Event]) -> None:
        """A change of a job's state makes the counts old."""
        if any(e.data.get("kind") in _COUNTED and e.name not in _UNCHANGED for e in batch):
            self._changed.set()

    def joined(self, position: str, gap: Gap | None) -> None:
        """What happened while the feed was away is counted too."""
        if self._told is not None:
            self._changed.set()

    def _run(self) -> None:
        complained = False
        while True:
            self._changed.wait()
            began = time.monotonic()
            try:
                self._tell()
                complained = False
            except (PyMongoError, NotConnected, database.NotConfigured) as error:
                if not complained:
                    log.warning("jobs not counted: %s", error)
                complained = True
                self._changed.set()
            except Exception:
                log.exception("jobs could not be counted")
            took = time.monotonic() - began
            time.sleep(max(EVERY_SECONDS, REST * took))

    def _tell(self) -> None:
        if not self._hub.heard({"kind": EventKind.stats}):
            return
        self._changed.clear()
        with in_time():
            stats = {
                "transcode": job_counts.counts(TranscodeJob),
                "upload": job_counts.counts(UploadJob),
            }
        if stats != self._told:
            self._told = stats
            self._hub.tell("statsChanged", {"kind": EventKind.stats, **stats})
