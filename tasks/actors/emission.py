"""Puts segments into the work area while others are encoded, and says in the step's row which.

A viewer need not wait for the end of a chunk, and what a killed worker had done is not lost.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from pymongo.errors import PyMongoError

from tasks.actors.heartbeat import Heartbeat
from tasks.actors.kept import Kept
from tasks.actors.scratch import put_files
from tasks.errors import EncoderFailed, Stopped, StorageFailed
from tasks.jobs import lifecycle
from tasks.media.segments import RenditionOutput, SegmentReader, continued
from tasks.models import Step

log = logging.getLogger(__name__)

#: Seconds between two looks for segments that have become whole.
LOOK_SECONDS = 0.3
#: Seconds from one sending to the next: the sound is encoded a hundred times as fast as it plays.
PAUSE_SECONDS = 4.0
#: Seconds for which a thumbnail must have been left alone: it is not written under another name.
SETTLED_SECONDS = 1.0


class Emission:
    """Runs beside an encoder that writes to ``folder``.

    ``skip``: the first segments of each rendition that are among those ``kept``, and are not sent.
    At ``most`` so many of the encoder's segments are sent. ``thumbnails`` says which belong to so
    many frames of the encoder's. ``on_more`` is called when there are more.

    ``sent`` are the names of the files that were put under ``prefix``, ``renditions`` what the row
    says of them and of those kept, ``count`` how many of the encoder's segments are among those.
    """

    def __init__(
        self,
        step: Step,
        beat: Heartbeat,
        folder: Path,
        prefix: str,
        readers: Sequence[SegmentReader],
        *,
        kept: Kept,
        skip: int,
        most: int | None = None,
        thumbnails: Callable[[int], tuple[str, ...]],
        on_more: Callable[[], None],
    ) -> None:
        self.sent: set[str] = set()
        self.renditions = kept.renditions
        self.count = skip
        self._step, self._beat, self._folder, self._prefix = step, beat, folder, prefix
        self._readers, self._kept, self._skip = readers, kept, skip
        self._most = math.inf if most is None else most
        self._thumbnails, self._on_more = thumbnails, on_more
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"emit {step.job_id}", daemon=True)

    def __enter__(self) -> "Emission":
        if self._readers:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._readers:
            self._thread.join()

    def _run(self) -> None:
        pause = LOOK_SECONDS
        while not self._over.wait(pause):
            pause = LOOK_SECONDS
            try:
                if self._emit():
                    pause = PAUSE_SECONDS
                    self._on_more()
            except (EncoderFailed, Stopped) as error:
                # Whoever waits for the encoder finds the same at its end.
                log.info("%s: nothing more is sent: %s", self._step.job_id, error.sentence)
                return
            except (StorageFailed, PyMongoError) as error:
                log.warning("%s: segments are sent later: %s", self._step.job_id, error)
            except Exception:
                log.exception("%s: segments are sent at its end", self._step.job_id)
                return

    def _emit(self) -> bool:
        """Sends what is whole by now; whether that was anything."""
        count = int(min(self._most, *(reader.read() for reader in self._readers)))
        if count <= self.count:
            return False
        made = [reader.output(count) for reader in self._readers]
        thumbnails = self._thumbnails(made[0].frames)
        if not all(self._is_settled(name) for name in thumbnails):
            return False
        names = [
            name
            for rendition in made
            for name in (rendition.init_name, *(s.name for s in rendition.segments[self._skip :]))
        ]
        fresh = [name for name in (*names, *thumbnails) if name not in self.sent]
        put_files(self._folder, fresh, self._prefix, self._beat.stop)
        self.sent.update(fresh)
        self._record(made, thumbnails)
        self.count = count
        return True

    def _is_settled(self, name: str) -> bool:
        try:
            return time.time() - (self._folder / name).stat().st_mtime > SETTLED_SECONDS
        except FileNotFoundError:
            return False

    def _record(self, made: Sequence[RenditionOutput], thumbnails: tuple[str, ...]) -> None:
        whole = continued(self.renditions, made, self.count)
        part: dict[str, Any] = {
            "prefix": self._prefix,
            "renditions": [rendition.model_dump(mode="json") for rendition in whole],
            "thumbnails": sorted({*self._kept.thumbnails, *thumbnails}),
        }
        if not lifecycle.renew(self._step, {"part": part}):
            self._beat.lost = True
            self._beat.stop.set()
            raise Stopped("The work was stopped.")
        self.renditions = whole
