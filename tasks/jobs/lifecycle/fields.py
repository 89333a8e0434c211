"""Conditions and fields that several transitions share."""

from collections.abc import Iterable
from typing import Any

from tasks.errors import WorkError
from tasks.jobs.transition import literal
from tasks.models import Status

UNFINISHED = [Status.waiting.value, Status.active.value]
OVER = [Status.failed.value, Status.cancelled.value]
NEXT_ATTEMPT = {"$add": [{"$ifNull": ["$attempt", 0]}, 1]}
ATTEMPT = {"$concat": ["attempt ", {"$toString": NEXT_ATTEMPT}]}
OPEN_LEASE = {"lease": None}
#: Nobody cleans it up or deletes it.
NOT_HELD = {"cleaning_until": None, "cleaning_by": None}
NO_ERROR = {"failed_reason": None, "error_message": None, "error_log": None}


def error_fields(error: WorkError) -> dict[str, Any]:
    """What a row says of its failure."""
    return {
        "failed_reason": error.category.value,
        "error_message": literal(error.sentence),
        "error_log": literal(error.log or None),
    }


def holdable(statuses: Iterable[Status], word: str) -> dict[str, Any]:
    """The condition for holding a unit: nobody does, or whoever has the ``word`` does already."""
    free = {"$lt": ["$cleaning_until", "$$NOW"]}
    return {
        "status": {"$in": sorted(statuses)},
        "$expr": {"$or": [free, {"$eq": ["$cleaning_by", literal(word)]}]},
    }


def over_and_not_cleaned(job_id: str) -> dict[str, Any]:
    """The condition for what only a unit that is over allows."""
    # A date that is not there is smaller than any.
    return {
        "job_id": job_id,
        "status": {"$in": OVER},
        "$expr": {"$lt": ["$cleaning_until", "$$NOW"]},
    }
