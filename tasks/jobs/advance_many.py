"""``tasks.jobs.advance`` for many jobs, in few round trips: what bulk operations need.

The question is the same, ``tasks.jobs.decide``. Jobs that have come to their uploads, and what is
done to few jobs at a time, are left to ``advance``.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from tasks.errors import Category, WorkError
from tasks.jobs import lifecycle, lifecycle_many
from tasks.jobs.advance import WHO, advance
from tasks.jobs.decide import (
    Action,
    Activate,
    CancelParts,
    CreateStep,
    Enqueue,
    FailJob,
    JobState,
    Retry,
    StepState,
    decide,
)
from tasks.models import FINISHED, Phase, Status, Step, StepKind, TranscodeJob, UploadJob
from tasks.queue import broker
from tasks.settings import get_settings

log = logging.getLogger(__name__)

_KNOWN = (Activate, CancelParts, CreateStep, Enqueue, FailJob, Retry)
_JOB = {
    "job_id": 1,
    "status": 1,
    "phase": 1,
    "retrying": 1,
    "retry_only": 1,
    "renditions.name": 1,
    "chunks": {"$size": {"$ifNull": ["$plan.chunks", []]}},
    "audio": {"$ne": [{"$ifNull": ["$plan.audio", None]}, None]},
}
_STEP = dict.fromkeys(
    (
        "job_id",
        "transcode_id",
        "kind",
        "index",
        "status",
        "message_id",
        "attempt",
        "failed_reason",
        "error_message",
        "error_log",
    ),
    1,
)


def advance_many(job_ids: Iterable[str]) -> None:
    """Does whatever is due for each job, until nothing is."""
    left = list(dict.fromkeys(job_ids))
    # A retried job comes to rest in three rounds; one that does not is looked at by itself.
    for _ in range(4):
        due: dict[str, list[Action]] = {}
        states = read_states(left)
        for job_id, state in states.items():
            due[job_id] = decide(state, window=get_settings().chunk_window)
        alone = [job_id for job_id in left if not _in_company(due.get(job_id))]
        for job_id in alone:
            advance(job_id)
            due.pop(job_id, None)
        _do(due)
        left = [
            job_id
            for job_id, actions in due.items()
            if not all(isinstance(action, Enqueue) for action in actions)
        ]
        if not left:
            return
    for job_id in left:
        advance(job_id)


def _in_company(actions: Sequence[Action] | None) -> bool:
    return actions is not None and all(isinstance(action, _KNOWN) for action in actions)


def read_states(job_ids: Sequence[str]) -> dict[str, JobState]:
    """The jobs that can be judged by their row and their steps: unfinished, and with no uploads."""
    ids = {"$in": list(job_ids)}
    uploading = set(UploadJob._get_collection().distinct("transcode_id", {"transcode_id": ids}))
    steps: dict[str, list[StepState]] = defaultdict(list)
    rows = Step._get_collection().find({"transcode_id": ids}, _STEP)
    for row in rows.sort([("transcode_id", 1), ("kind", 1), ("index", 1)]):
        steps[row["transcode_id"]].append(_step(row))
    states = {}
    for job in TranscodeJob._get_collection().find({"job_id": ids}, _JOB):
        late = job["status"] in FINISHED or job.get("phase") == Phase.uploading
        if late or job["job_id"] in uploading:
            continue
        states[job["job_id"]] = JobState(
            status=Status(job["status"]),
            phase=Phase(job.get("phase") or Phase.splitting),
            encodes=job["chunks"] + job["audio"],
            renditions=[rendition["name"] for rendition in job.get("renditions") or ()],
            retrying=bool(job.get("retrying")),
            retry_only=list(job.get("retry_only") or ()),
            steps=steps[job["job_id"]],
        )
    return states


def _step(row: dict[str, Any]) -> StepState:
    error = None
    if row["status"] in (Status.failed, Status.cancelled) and row.get("error_message"):
        category = Category(row.get("failed_reason") or Category.internal)
        error = WorkError(row["error_message"], category=category, log=row.get("error_log") or "")
    return StepState(
        job_id=row["job_id"],
        kind=StepKind(row["kind"]),
        index=row.get("index") or 0,
        status=Status(row["status"]),
        message_id=row.get("message_id"),
        tried=bool(row.get("attempt")),
        error=error,
    )


def _do(due: dict[str, list[Action]]) -> None:
    """The actions of all jobs, those of a kind together, in the order that ``decide`` has them."""
    wanted: dict[type[Any], list[tuple[str, Any]]] = defaultdict(list)
    for job_id, actions in due.items():
        for action in actions:
            wanted[type(action)].append((job_id, action))
    retried = [action.job_id for _, action in wanted[Retry]]
    lifecycle_many.retry(Step, retried, WHO, f"Retried by {WHO}.")
    lifecycle_many.activate(job_id for job_id, _ in wanted[Activate])
    lifecycle_many.fail_jobs({job_id: action.error for job_id, action in wanted[FailJob]})
    children: dict[str, list[str]] = defaultdict(list)
    for job_id, action in wanted[CancelParts]:
        children[action.why].append(job_id)
    for why, parents in children.items():
        lifecycle_many.cancel_children(parents, WHO, why)
    _create([(job_id, action.kind) for job_id, action in wanted[CreateStep]])
    lifecycle_many.enqueue(Step, [action.job_id for _, action in wanted[Enqueue]])


def _create(asked: Sequence[tuple[str, StepKind]]) -> None:
    queues = {StepKind.SPLIT: broker.SPLIT, StepKind.MERGE: broker.MERGE}
    steps = [
        Step(
            job_id=f"{job_id}.{kind.value}",
            transcode_id=job_id,
            kind=kind.value,
            queue_name=queues[kind],
        )
        for job_id, kind in asked
    ]
    lifecycle.create(steps, who=WHO, why="", send=True)
