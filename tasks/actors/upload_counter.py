"""Counts an upload's files and bytes, and reports them."""

import threading
import time
from typing import Any

from tasks.actors.heartbeat import Heartbeat


class UploadCounter:
    """``files`` and ``size`` (bytes) are what there is in all."""

    def __init__(self, beat: Heartbeat, files: int, size: int) -> None:
        self.beat = beat
        self.files_total, self.bytes_total = files, size
        self.files_done = self.bytes_done = self.bytes_moved = 0
        self.current = ""
        self.started = time.monotonic()
        self._lock = threading.Lock()

    def add(self, name: str, size: int, *, moved: bool) -> None:
        """A file is in its place; ``moved`` where it was not there before."""
        with self._lock:
            self.files_done += 1
            self.bytes_done += size
            self.bytes_moved += size if moved else 0
            self.current = name
            self.beat.report(**self.fields(), progress=self._percent())

    def fields(self) -> dict[str, Any]:
        """What the upload's row shows; ``speed`` in bytes a second."""
        seconds = max(0.001, time.monotonic() - self.started)
        return {
            "files_total": self.files_total,
            "files_done": self.files_done,
            "bytes_total": self.bytes_total,
            "bytes_done": self.bytes_done,
            "current_file": self.current,
            "speed": self.bytes_moved / seconds,
        }

    def _percent(self) -> float:
        done, total = self.bytes_done + self.files_done, self.bytes_total + self.files_total
        return 99.0 * done / max(1, total)
