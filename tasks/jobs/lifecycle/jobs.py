"""Transitions of transcode jobs, whose status follows from their parts."""

from collections.abc import Mapping
from typing import Any

from tasks.errors import WorkError
from tasks.jobs.lifecycle.fields import ATTEMPT, NEXT_ATTEMPT, NO_ERROR, error_fields
from tasks.jobs.transition import Change, Row, apply_one, literal, move, move_one
from tasks.models import UNFINISHED_VALUES, Status, TranscodeJob


def activate(*job_ids: str) -> list[Row]:
    """Makes waiting jobs active, as the first of their steps is being worked on."""
    fields = {"started_at": "$$NOW", "attempt": NEXT_ATTEMPT, "retrying": False}
    changes = [
        Change({"job_id": job_id, "status": Status.waiting.value}, fields) for job_id in job_ids
    ]
    return move(TranscodeJob, changes, Status.active, who="dailies", line=ATTEMPT)


def update_job(job_id: str, fields: Mapping[str, Any]) -> TranscodeJob | None:
    """Writes what an unfinished job shows; ``progress`` and ``phases`` only ever rise."""
    values: dict[str, Any] = {name: literal(value) for name, value in fields.items()}
    if "progress" in fields:
        values["progress"] = {"$max": ["$progress", literal(fields["progress"])]}
    for phase, done in fields.get("phases", {}).items():
        values[f"phases.{phase}"] = {"$max": [f"$phases.{phase}", literal(done)]}
    values.pop("phases", None)
    query = {"job_id": job_id, "status": {"$in": UNFINISHED_VALUES}}
    return apply_one(TranscodeJob, Change(query, values))


def complete_job(job_id: str, fields: Mapping[str, Any]) -> TranscodeJob | None:
    """Completes a job all of whose steps and uploads are done."""
    values = {
        "progress": 100.0,
        "finished_at": "$$NOW",
        "eta_seconds": None,
        **NO_ERROR,
        **{name: literal(value) for name, value in fields.items()},
    }
    change = Change({"job_id": job_id, "status": Status.active.value}, values)
    return move_one(TranscodeJob, change, Status.completed, who="dailies")


def fail_jobs(errors: Mapping[str, WorkError]) -> list[Row]:
    """Fails active jobs of which a step or upload has failed for good; ``errors`` is by job id."""
    changes = [
        Change(
            {"job_id": job_id, "status": Status.active.value},
            {"finished_at": "$$NOW", "eta_seconds": None, "speed": None, **error_fields(error)},
            error.sentence,
        )
        for job_id, error in errors.items()
    ]
    return move(TranscodeJob, changes, Status.failed, who="dailies")
