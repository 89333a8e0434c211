"""Conditions and fields that several transitions share."""

from collections.abc import Iterable
from typing import Any

from tasks.errors import WorkError
from tasks.jobs.transition import literal
from tasks.models import Status

OVER = [Status.failed.value, Status.cancelled.value]
NEXT_ATTEMPT = {"$add": [{"$ifNull": ["$attempt", 0]}, 1]}
ATTEMPT = {"$concat": ["attempt ", {"$toString": NEXT_ATTEMPT}]}
OPEN_LEASE = {"lease": None}
#: The fields of a unit that no hold token holds.
NOT_HELD = {"cleaning_until": None, "cleaning_by": None}
NO_ERROR = {"failed_reason": None, "error_message": None, "error_log": None}


def error_fields(error: WorkError) -> dict[str, Any]:
    """The fields by which a row says its failure."""
    return {
        "failed_reason": error.category.value,
        "error_message": literal(error.sentence),
        "error_log": literal(error.log or None),
    }


def holdable(statuses: Iterable[Status], token: str) -> dict[str, Any]:
    """The condition for holding a unit: it is free, or the hold token holds it already."""
    free = {"$lt": ["$cleaning_until", "$$NOW"]}
    return {
        "status": {"$in": sorted(statuses)},
        "$expr": {"$or": [free, {"$eq": ["$cleaning_by", literal(token)]}]},
    }


def over_and_not_cleaned(job_id: str) -> dict[str, Any]:
    """The condition for transitions of a failed or cancelled unit that is not held."""
    # A date that is not there is smaller than any.
    return {
        "job_id": job_id,
        "status": {"$in": OVER},
        "$expr": {"$lt": ["$cleaning_until", "$$NOW"]},
    }
