"""``/v1/studio/drift``: where rows, queue and bucket disagree, and repairing it."""

from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask_login import current_user
from pydantic import BaseModel, ConfigDict, Field, model_validator
from werkzeug.exceptions import NotFound

from tasks import drift, repairs
from tasks.drift import Drift
from webapp.access import require_role
from webapp.api.bodies import json_object, parsed
from webapp.api.job_status import moment
from webapp.deadline import without_deadline

bp = Blueprint("api_drift", __name__, url_prefix="/v1/studio/drift")


class DriftQuery(BaseModel):
    """Query parameters: how many disagreements, and how many repairs."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(200, ge=1, le=1000)
    repairs: int = Field(30, ge=0, le=500)


class FixBody(BaseModel):
    """``id`` is that of a drift or of a job; ``all`` is true or left out."""

    model_config = ConfigDict(extra="forbid")

    id: str | None = Field(None, min_length=1, max_length=2000)
    all: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> "FixBody":
        if (self.id is not None) == self.all:
            raise ValueError("give either id or all")
        return self


@bp.get("")
@require_role("viewer")
def found() -> Response:
    """``{total, drift, repairs, lookedAt, bucketLookedAt, reconciledAt}``.

    A drift says what the row says (``row``), what the queue or the bucket says (``other`` names
    which, ``otherSays`` it), the rule with its sentence, and the fix.
    """
    query = parsed(DriftQuery, request.args.to_dict())
    overview = drift.overview(query.limit)
    return jsonify(
        total=overview.total,
        lookedAt=moment(overview.looked_at),
        bucketLookedAt=moment(overview.bucket_at) if overview.bucket_at else None,
        reconciledAt=moment(overview.passed_at) if overview.passed_at else None,
        drift=[shown(entry) for entry in overview.drift],
        repairs=[
            {
                "at": moment(repair.at),
                "who": repair.who,
                "rule": repair.rule,
                "kind": repair.kind,
                "jobId": repair.ref,
                "transcodeId": repair.transcode_id,
                "name": repair.name,
                "done": repair.done,
            }
            for repair in (repairs.latest(query.repairs) if query.repairs else [])
        ],
    )


@bp.post("/fix")
@require_role("editor")
@without_deadline
def fix() -> Response:
    """``{id}`` repairs one drift, or all drift of a job; ``{all: true}`` everything.

    ``{count, fixed: [{jobId, kind, reason, action, done}]}``; 404 where there is no such drift.
    """
    body = parsed(FixBody, json_object(request))
    who = current_user.name
    fixed = drift.fix_all(who) if body.id is None else drift.fix(body.id, who)
    if body.id is not None and not fixed:
        raise NotFound("There is no such drift (any more).")
    return jsonify(
        count=sum(one.done for one in fixed),
        fixed=[
            {
                "jobId": one.job_id,
                "kind": one.kind,
                "reason": one.reason,
                "action": one.action,
                "done": one.done,
            }
            for one in fixed
        ],
    )


def shown(entry: Drift) -> dict[str, Any]:
    """A drift as JSON has it."""
    return {
        "id": entry.id,
        "kind": entry.kind,
        "jobId": entry.job_id,
        "transcodeId": entry.transcode_id,
        "name": entry.name,
        "row": entry.row_says,
        "other": entry.other,
        "otherSays": entry.other_says,
        "rule": entry.rule,
        "sentence": entry.sentence,
        "fix": entry.fix,
        "byItself": entry.by_itself,
        "fixable": entry.fixable,
        "since": entry.since or None,
    }
