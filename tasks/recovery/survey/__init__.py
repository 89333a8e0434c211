"""Reads queue and rows in batches and judges each: one look finds every disagreement.

The queue is read first and the rows afterwards, and only what stood still in between is judged, so
that what moves meanwhile is never taken for lost. Where a look errs all the same, the cost is a
second message, which finds that its row no longer waits for it.

A hundred thousand unfinished rows are read as plain documents, and of each job only a few numbers
are kept.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from tasks.queue import messages
from tasks.recovery.survey.finding import Finding
from tasks.recovery.survey.jobs import judge_jobs, judge_late_jobs, open_jobs
from tasks.recovery.survey.leftovers import judge_leftovers
from tasks.recovery.survey.parts import UNITS, Parts, Silent
from tasks.recovery.survey.reading import Reading
from tasks.recovery.verdict import RowState

__all__ = ["UNITS", "Finding", "Look", "Silent", "look", "strays_of"]


@dataclass(frozen=True)
class Look:
    """What one look found; ``rows`` and ``messages`` say how many it read."""

    findings: list[Finding]
    rows: int
    messages: int


def scan(
    *,
    only: Collection[str] | None = None,
    judge_leases: bool = True,
    silent: Silent | None = None,
    beat: Callable[[], None] | None = None,
) -> Look:
    """Looks at everything, or ``only`` at some transcode jobs with their parts.

    ``judge_leases``: whether live workers had the chance to renew theirs. ``beat`` is called now
    and then meanwhile, and what it raises ends the look. Raises redis.RedisError, PyMongoError.
    """
    reading = Reading(only, beat)
    held = messages.held_ids()
    many = len(held)
    jobs = open_jobs(reading)
    parts = Parts(reading, held, judge_leases, silent)
    parts.judge(jobs)
    findings = parts.findings
    findings += judge_jobs(reading, jobs)
    findings += judge_late_jobs(reading, jobs, parts.late)
    left = held if only is None else _of(only, held)
    findings += judge_leftovers(reading, left.keys())
    return Look(findings, parts.rows + len(jobs), many)


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
