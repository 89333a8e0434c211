"""Keeps a claimed unit's lease while its work goes on, and tells the work when to stop."""

import logging
import threading
import time
from types import TracebackType
from typing import Any

from pymongo.errors import PyMongoError

from tasks.feed.announce import announce_progress
from tasks.jobs import lifecycle
from tasks.jobs.progress import refresh
from tasks.models import WorkUnit
from tasks.queue.workers import presence
from tasks.settings import get_settings

log = logging.getLogger(__name__)

#: Seconds between two renewals: also the longest that a cancelled job's work goes on unaware.
BEAT_SECONDS = 1.0

#: Set when this worker process shuts down.
shutting_down = threading.Event()


class Heartbeat:
    """Runs beside the work. ``stop`` is set when the work must end: its lease is gone, or the
    worker shuts down. ``report`` takes what the row shows of the work."""

    def __init__(self, unit: WorkUnit) -> None:
        self.unit = unit
        self.stop = threading.Event()
        self.lost = False
        self._fields: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"beat {unit.job_id}", daemon=True)

    def report(self, **fields: Any) -> None:
        """Plain field values of the unit's row, written with the next beat."""
        with self._lock:
            self._fields.update(fields)

    def __enter__(self) -> "Heartbeat":
        presence.begin(self.unit.job_id)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        presence.end(self.unit.job_id)

    def _run(self) -> None:
        interval = min(BEAT_SECONDS, get_settings().lease_seconds / 4)
        while not self._over.wait(interval):
            if shutting_down.is_set():
                self.stop.set()
            started = time.monotonic()
            try:
                self._beat()
            except PyMongoError as error:
                waited = time.monotonic() - started
                log.warning("%s: lease not renewed in %.0f s: %s", self.unit.job_id, waited, error)
            except Exception:
                # Whatever it is: without the next beat the work would go on and the lease run out.
                log.exception("%s: a beat failed", self.unit.job_id)

    def _beat(self) -> None:
        with self._lock:
            fields, self._fields = self._fields, {}
        if not lifecycle.renew(self.unit, fields):
            self.lost = True
            self.stop.set()
            self._over.set()
            return
        announce_progress(self.unit, fields)
        if self.unit.parent_id is not None:
            refresh(self.unit.parent_id)
