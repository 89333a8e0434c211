"""Moves jobs on: reads their rows, asks ``tasks.jobs.decide`` what is due, and does it."""

import logging
from collections.abc import Mapping

from tasks.jobs.decide import Action, Enqueue, decide
from tasks.jobs.execute import create_split, execute
from tasks.jobs.states import Known, read_states
from tasks.models import FINISHED, TranscodeJob
from tasks.settings import get_settings
from tasks.subtitles import changes, tracks

log = logging.getLogger(__name__)

#: Rounds until nothing is due; each phase takes one or two, so this many means a mistake here.
MOST_ROUNDS = 20


def advance(*job_ids: str) -> dict[str, list[Action]]:
    """Does whatever is due for jobs, until nothing is; by job id the actions that were due first.

    Safe to call at any time, from anywhere. An id may be that of a media that stands for its
    deleted jobs; an unknown one is left out of the answer.
    """
    first: dict[str, list[Action]] = {}
    refused: set[tuple[str, Action]] = set()
    left = list(dict.fromkeys(job_ids))
    for _ in range(MOST_ROUNDS):
        if not left:
            return first
        known = read_states(left)
        due = {
            job_id: [action for action in actions if (job_id, action) not in refused]
            for job_id, actions in actions_due(known).items()
        }
        first = first or due
        refused |= execute(due)
        at_rest = {job_id for job_id in due if all(isinstance(a, Enqueue) for a in due[job_id])}
        for job_id in at_rest.difference(job_id for job_id, _ in refused):
            _see_to_subtitles(job_id, known[job_id])
        left = [job_id for job_id in due if job_id not in at_rest]
    log.error("jobs did not come to rest: %s", ", ".join(left))
    return first


def actions_due(known: Mapping[str, Known]) -> dict[str, list[Action]]:
    """The actions that are due for jobs, by id."""
    window = get_settings().chunk_window
    return {job_id: decide(one.state, window=window) for job_id, one in known.items()}


def start(job: TranscodeJob) -> None:
    """The first thing that is due for a job just made; as ``advance``, without asking."""
    create_split(job.job_id)


def _see_to_subtitles(job_id: str, known: Known) -> None:
    """Takes back the note that a media's subtitles changed, once a finished job has seen to it."""
    note = known.subtitles.note
    if note is None or known.state.status not in FINISHED:
        return
    owner = tracks.owner_of(known.media_id)
    if owner is None or owner == job_id:
        changes.mark_seen(known.media_id, note)
    else:
        advance(owner)
