"""Follows the event feed into the spool, and empties the spool into CloudWatch Logs.

It has a thread of its own in the reconciler's process. Several may run; a lock lets one act, and
where two did for a moment, an entry may be logged twice.
"""

import logging
import random
import threading
import time
from collections.abc import Sequence
from functools import lru_cache

import pymongo
import redis
from pymongo.errors import PyMongoError

from tasks.cloudwatch import spool
from tasks.cloudwatch.client import CloudWatch, Refused, Unusable, make_cloudwatch
from tasks.cloudwatch.entry import MAX_AGE_MS, Entry, batches
from tasks.cloudwatch.stages import Stages
from tasks.feed import events
from tasks.infra.lock import Lock
from tasks.media.tracks import is_sound
from tasks.models import TranscodeJob
from tasks.settings import get_settings

log = logging.getLogger(__name__)

LOCK = "dailies:cloudwatch:lock"
#: Seconds until another process takes over; longer than one call to CloudWatch may take.
LOCK_SECONDS = 30.0
#: Seconds between two passes, in which entries gather into batches.
PAUSE_SECONDS = 1.0
#: Seconds until the next try after one that failed: doubled with each, up to the longest.
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
#: Entries taken out of the spool at a time.
TAKEN = 5_000
#: Seconds that the look at a job's row may take.
ROW_SECONDS = 2.0


def start() -> "Shipping | None":
    """Ships from a thread of this process until it ends; None where that is not set up."""
    settings = get_settings()
    if settings.cloudwatch_group is None:
        return None
    shipping = Shipping(make_cloudwatch(settings))
    threading.Thread(target=shipping.run, name="cloudwatch", daemon=True).start()
    log.info("progress goes to the CloudWatch log group %s", settings.cloudwatch_group)
    return shipping


class Shipping:
    """Passes, one after the other, until ``stop`` is set."""

    def __init__(self, cloudwatch: CloudWatch) -> None:
        self.stop = threading.Event()
        self._cloudwatch = cloudwatch
        self._lock = Lock(LOCK, LOCK_SECONDS)
        self._stages = Stages(rendition_names)
        self._failures = 0
        self._not_before = 0.0

    def run(self) -> None:
        """Returns after ``stop`` is set."""
        while not self.stop.wait(PAUSE_SECONDS):
            try:
                self.once()
            except redis.RedisError as error:
                log.info("progress for CloudWatch not followed: %s", error)
            except Exception:
                log.exception("progress for CloudWatch not followed")
        try:
            self._lock.release()
        except redis.RedisError:
            log.info("lock not released, it runs out by itself")

    def once(self) -> None:
        """Collects what is new and ships what waits, where no other process does.

        Raises redis.RedisError.
        """
        if self._lock.hold():
            self.collect()
            self.ship()

    def collect(self) -> None:
        """Reads the feed up to its end. Raises redis.RedisError."""
        # Where nothing was ever collected, all that the feed still has is new.
        place = spool.position()
        if place is None:
            place = events.NOTHING
        elif _forgotten(place):
            spool.note_gap()
        while not self.stop.is_set():
            found = events.tail(place, block_ms=1)
            if not found:
                newest = events.last_id()
                if newest != events.NOTHING and events.place(newest) < events.place(place):
                    # Redis was emptied and its clock set back.
                    spool.note_gap()
                    place = events.NOTHING
                    continue
                return
            place = found[-1].id
            spool.collect([e for event in found for e in self._stages.entries(event)], place)
            if len(found) < events.BATCH:
                return

    def ship(self) -> None:
        """Empties the spool, as far as CloudWatch takes it. Raises redis.RedisError."""
        while time.monotonic() >= self._not_before and not self.stop.is_set():
            waiting = spool.oldest(TAKEN)
            if not waiting or not self._lock.hold():
                return
            streams: dict[str, list[tuple[str, Entry]]] = {}
            for entry_id, entry in waiting:
                streams.setdefault(entry.stream, []).append((entry_id, entry))
            for stream, found in streams.items():
                if not self._ship(stream, found):
                    return
            if len(waiting) < TAKEN:
                return

    def _ship(self, stream: str, found: Sequence[tuple[str, Entry]]) -> bool:
        too_old = time.time() * 1000 - MAX_AGE_MS
        # By the entry itself: the same one twice is logged once.
        ids: dict[Entry, list[str]] = {}
        old: list[str] = []
        for entry_id, entry in found:
            (old if entry.at_ms < too_old else ids.setdefault(entry, [])).append(entry_id)
        spool.remove(old)
        spool.note_dropped(len(old))
        for batch in batches(list(ids)):
            done = [entry_id for entry in batch for entry_id in ids[entry]]
            try:
                lost = self._cloudwatch.put(stream, batch)
            except Unusable as error:
                log.warning("%d entries of %s dropped: %s", len(batch), stream, error)
                spool.note_error(str(error))
                lost = len(batch)
            except Refused as error:
                self._failed(str(error))
                return False
            else:
                self._failures = 0
                spool.note_sent(len(batch) - lost)
            spool.remove(done)
            spool.note_dropped(lost)
        return True

    def _failed(self, sentence: str) -> None:
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2**self._failures) * random.uniform(0.5, 1)  # noqa: S311
        if self._failures == 0:
            log.warning("CloudWatch entries wait: %s", sentence)
        self._failures = min(self._failures + 1, 10)
        self._not_before = time.monotonic() + wait
        spool.note_error(sentence)


def rendition_names(job_id: str) -> tuple[str, ...]:
    """The names of a job's renditions, the sound only where there is nothing else; nothing where
    they are not known, or the database does not say it in time."""
    try:
        return _names(job_id)
    except (PyMongoError, LookupError):
        return ()


@lru_cache(maxsize=1_000)
def _names(job_id: str) -> tuple[str, ...]:
    with pymongo.timeout(ROW_SECONDS):
        job = TranscodeJob.objects(job_id=job_id).only("renditions").first()
    names = tuple(rendition["name"] for rendition in job.renditions) if job is not None else ()
    if not names:
        raise LookupError(job_id)  # not planned yet: to be asked again
    return tuple(name for name in names if not is_sound(name)) or names


def _forgotten(place: str) -> bool:
    oldest = events.oldest_id()
    return oldest is not None and events.place(oldest) > events.place(place) and place != "0-0"
