"""Transcode jobs, whose status follows from their parts."""

from collections.abc import Mapping
from typing import Any

from tasks.errors import WorkError
from tasks.jobs.lifecycle.fields import ATTEMPT, NEXT_ATTEMPT, NO_ERROR, UNFINISHED, error_fields
from tasks.jobs.transition import Change, apply, literal, move
from tasks.models import Status, TranscodeJob

#: What a job's row gets when the first of its steps is being worked on.
ACTIVATED: dict[str, Any] = {
    "started_at": "$$NOW",
    "attempt": NEXT_ATTEMPT,
    "retrying": False,
}


def activate(job_id: str) -> TranscodeJob | None:
    """A job's first step is being worked on."""
    return move(
        TranscodeJob,
        {"job_id": job_id, "status": Status.waiting.value},
        Status.active,
        who="dailies",
        why=ATTEMPT,
        fields=ACTIVATED,
    )


def update_job(job_id: str, fields: Mapping[str, Any]) -> TranscodeJob | None:
    """Writes what an unfinished job shows; ``progress`` and ``phases`` only ever rise."""
    values: dict[str, Any] = {name: literal(value) for name, value in fields.items()}
    if "progress" in fields:
        values["progress"] = {"$max": ["$progress", literal(fields["progress"])]}
    for phase, done in fields.get("phases", {}).items():
        values[f"phases.{phase}"] = {"$max": [f"$phases.{phase}", literal(done)]}
    values.pop("phases", None)
    return apply(TranscodeJob, {"job_id": job_id, "status": {"$in": UNFINISHED}}, values)


def complete_job(job_id: str, fields: Mapping[str, Any]) -> TranscodeJob | None:
    """All steps and uploads of a job are done."""
    return move(
        TranscodeJob,
        {"job_id": job_id, "status": Status.active.value},
        Status.completed,
        who="dailies",
        why="",
        fields={
            "progress": 100.0,
            "finished_at": "$$NOW",
            "eta_seconds": None,
            **NO_ERROR,
            **{name: literal(value) for name, value in fields.items()},
        },
    )


def failing(job_id: str, error: WorkError) -> Change:
    """A job's step or upload has failed for good, and the job with it."""
    return Change(
        {"job_id": job_id, "status": Status.active.value},
        {
            "finished_at": "$$NOW",
            "eta_seconds": None,
            "speed": None,
            **error_fields(error),
        },
        error.sentence,
    )


def fail_job(job_id: str, error: WorkError) -> TranscodeJob | None:
    """A step or upload of a job has failed for good."""
    change = failing(job_id, error)
    return move(
        TranscodeJob,
        change.query,
        Status.failed,
        who="dailies",
        why=change.why,
        fields=change.fields,
    )
