"""Surveys queue and rows in batches: judges each, and finds every disagreement.

The queue is read first and the rows afterwards, and only what stood still in between is judged, so
that work that moves meanwhile is never taken for lost. Where a survey errs all the same, the cost
is a second message, which finds that its row no longer waits for it.

``tasks.jobs.decide`` says what is due for a job. Rows are read as plain documents and not kept.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from tasks.queue import messages
from tasks.recovery.survey.finding import Finding
from tasks.recovery.survey.jobs import judge_late_jobs, judge_open_jobs
from tasks.recovery.survey.leftovers import judge_leftovers
from tasks.recovery.survey.parts import UNITS, Parts, Silent
from tasks.recovery.survey.reading import Reading
from tasks.recovery.verdict import RowState

__all__ = ["UNITS", "Finding", "Look", "Silent", "scan", "strays_of"]


@dataclass(frozen=True)
class Look:
    """The result of one survey.

    ``settled``: ids of jobs of which nothing is due although their media's note asked for a look;
    ``tasks.jobs.advance`` takes the note back.
    """

    findings: list[Finding]
    settled: list[str]


def scan(
    *,
    only: Collection[str] | None = None,
    judge_leases: bool = True,
    silent: Silent | None = None,
    beat: Callable[[], None] | None = None,
) -> Look:
    """Surveys everything, or ``only`` some transcode jobs with their parts. Changes nothing.

    ``judge_leases``: whether live workers had the chance to renew theirs. ``beat`` is called now
    and then meanwhile, and an exception that it raises ends the survey. Raises redis.RedisError,
    PyMongoError.
    """
    reading = Reading(only, beat)
    held = messages.held_ids()
    parts = Parts(reading, held, judge_leases, silent)
    jobs = list(judge_open_jobs(reading, parts))
    parts.judge_others()
    late, settled = judge_late_jobs(reading, parts)
    left = held if only is None else _of(only, held)
    leftovers = judge_leftovers(reading, left.keys())
    return Look([*parts.findings, *jobs, *late, *leftovers], settled)


def strays_of(refs: Collection[str]) -> list[Finding]:
    """Messages of these jobs and units that no row waits for (any more).

    Raises redis.RedisError, PyMongoError.
    """
    held = _of(refs, messages.held_ids())
    found = judge_leftovers(Reading(None, None), held.keys())
    return [finding for finding in found if finding.situation.row is not RowState.none]


def _of(refs: Collection[str], held: dict[str, str]) -> dict[str, str]:
    """The messages of units, or of parts of jobs."""
    return {
        message_id: job_id
        for message_id, job_id in held.items()
        if job_id in refs or job_id.partition(".")[0] in refs
    }
