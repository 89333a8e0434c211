"""Claim, do, report: what every actor does around its work."""

import errno
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from dramatiq.errors import Retry
from pymongo.errors import PyMongoError

from tasks.actors.growth import grow
from tasks.actors.heartbeat import Heartbeat, shutting_down
from tasks.control import pausing
from tasks.errors import NotYet, OutOfDisk, Stopped, WorkError
from tasks.jobs import lifecycle
from tasks.jobs.advance import advance
from tasks.models import Step, StepKind, WorkUnit
from tasks.queue.workers import worker_name
from tasks.settings import get_settings

log = logging.getLogger(__name__)

Unit = TypeVar("Unit", bound=WorkUnit)

#: Longest wait before a retry, in seconds.
LONGEST_DELAY = 300.0
#: Milliseconds until a message that may not start now is back in its queue: by then the gates of
#: all workers are shut.
TURNED_AWAY_MS = 1_500


def perform(
    unit_cls: type[Unit],
    queue_name: str,
    job_id: str,
    message_id: str,
    work: Callable[[Unit, Heartbeat], Mapping[str, Any]],
) -> None:
    """Does a unit's work if the message has a claim on it; otherwise nothing.

    Where the queue is paused or this worker drains, the message goes back, and the row waits on.

    ``work`` returns plain fields for the completed row. Raises dramatiq's Retry where the same
    message is to come again.
    """
    if not pausing.may_start(queue_name, worker_name()):
        raise Retry(f"{job_id} may not start now", delay=TURNED_AWAY_MS)
    unit = lifecycle.claim(unit_cls, job_id, message_id, worker_name())
    if unit is None:
        log.info("%s: message %s has no claim, dropped", job_id, message_id)
        return
    delay = _attempt(unit, work)
    if delay is not None:
        raise Retry(f"{job_id} is tried again", delay=int(delay * 1000))
    if unit.parent_id is not None:
        advance(unit.parent_id)
    if isinstance(unit, Step) and unit.kind in (StepKind.CHUNK, StepKind.AUDIO):
        grow(unit.transcode_id)


def _attempt(unit: Unit, work: Callable[[Unit, Heartbeat], Mapping[str, Any]]) -> float | None:
    """Seconds until the retry, or None where the unit is settled."""
    with Heartbeat(unit) as beat:
        try:
            if unit.parent_id is not None:
                lifecycle.activate(unit.parent_id)
            if isinstance(unit, Step) and unit.kind == StepKind.CHUNK:
                # Its place in the queue is free for the job's next one.
                advance(unit.transcode_id)
            fields = work(unit, beat)
        except Exception as error:
            return _settle(unit, beat, error)
    if lifecycle.complete(unit, fields) is None:
        log.warning("%s: done, but the lease was lost; the result is dropped", unit.job_id)
    return None


def _settle(unit: Unit, beat: Heartbeat, error: Exception) -> float | None:
    failure = _work_error(unit, error)
    if beat.lost:
        log.info("%s: stopped, the lease is gone", unit.job_id)
        return None
    if shutting_down.is_set():
        lifecycle.put_back(unit, "Its worker shut down.")
        return None
    if isinstance(failure, NotYet):
        lifecycle.put_back(unit, failure.sentence)
        return None
    tries = (unit.attempt or 1) - (unit.lost or 0)
    settings = get_settings()
    if failure.retryable and tries < settings.max_attempts:
        delay = min(LONGEST_DELAY, settings.retry_min_seconds * 2 ** (tries - 1))
        log.warning("%s: attempt %d failed: %s", unit.job_id, tries, failure.sentence)
        return delay if lifecycle.retry_later(unit, failure, delay) is not None else None
    log.warning("%s: failed: %s", unit.job_id, failure.sentence)
    lifecycle.fail(unit, failure)
    return None


def _work_error(unit: WorkUnit, error: Exception) -> WorkError:
    if isinstance(error, Stopped):
        return WorkError(error.sentence, log=error.log)
    if isinstance(error, WorkError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutOfDisk("The scratch disk is full.")
    if isinstance(error, PyMongoError):
        return WorkError("The database did not answer.")
    log.exception("%s: unexpected error", unit.job_id)
    return WorkError(f"Something unexpected went wrong: {type(error).__name__}: {error}"[:500])
