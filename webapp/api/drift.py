"""``/v1/studio/drift``: where rows, queue and bucket disagree, and repairing it."""

from flask import Blueprint, Response, request
from flask_login import current_user
from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator
from werkzeug.exceptions import Forbidden, NotFound

from tasks.recovery import drift, repairs
from tasks.recovery.drift_text import Drift
from webapp.api.answers import Answer, At, answered
from webapp.api.bodies import json_object, parsed, parsed_query
from webapp.auth.access import allowed, require_role
from webapp.deadline import without_deadline
from webapp.openapi import documented

bp = Blueprint("api_drift", __name__, url_prefix="/v1/studio/drift")


class DriftQuery(BaseModel):
    """Query parameters: how many disagreements, and how many repairs."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(200, ge=1, le=1000)
    repairs: int = Field(30, ge=0, le=500)


class FixBody(BaseModel):
    """``id`` is that of a drift or of a job; ``all`` and ``unused`` are true or left out."""

    model_config = ConfigDict(extra="forbid")

    id: str | None = Field(None, min_length=1, max_length=2000)
    all: StrictBool = False
    unused: StrictBool = False

    @model_validator(mode="after")
    def _one(self) -> "FixBody":
        if (self.id is not None) + self.all + self.unused != 1:
            raise ValueError("give one of id, all and unused")
        return self


class DriftAnswer(Answer):
    """One disagreement: what the row says, what the queue or the bucket (``other``) says, the rule
    with its sentence, and the fix; whether that comes by itself, and whether somebody may ask for
    it."""

    id: str
    kind: str
    job_id: str
    transcode_id: str | None
    name: str
    row: str
    other: str
    other_says: str
    rule: str
    sentence: str
    fix: str
    by_itself: bool
    fixable: bool
    since: str | None


class RepairAnswer(Answer):
    """One repair: ``who`` is the reconciler or a person."""

    at: At
    who: str
    rule: str
    kind: str
    job_id: str
    transcode_id: str | None
    name: str | None
    done: str


class DriftsAnswer(Answer):
    """The first of all drift (``total``), the latest repairs, and when somebody last looked."""

    total: int
    looked_at: At
    bucket_looked_at: At | None
    reconciled_at: At | None
    drift: list[DriftAnswer]
    repairs: list[RepairAnswer]


class FixAnswer(Answer):
    """What was tried; ``done`` is false where it had changed meanwhile."""

    model_config = ConfigDict(from_attributes=True)

    job_id: str
    kind: str
    reason: str
    action: str
    done: bool


class FixesAnswer(Answer):
    """Each repair that was tried, and how many were done."""

    count: int
    fixed: list[FixAnswer]


@bp.get("")
@require_role("viewer")
@documented("Where things disagree.", tag="Drift", query=DriftQuery, answers={200: DriftsAnswer})
def found() -> Response:
    """Rows are held against the queue and against the bucket by the rules of docs/jobs.md."""
    query = parsed_query(DriftQuery, request.args)
    overview = drift.overview(query.limit)
    return answered(
        DriftsAnswer(
            total=overview.total,
            looked_at=overview.looked_at,
            bucket_looked_at=overview.bucket_at,
            reconciled_at=overview.passed_at,
            drift=[shown(entry) for entry in overview.drift],
            repairs=[
                RepairAnswer(
                    at=repair.at,
                    who=repair.who,
                    rule=repair.rule,
                    kind=repair.kind,
                    job_id=repair.ref,
                    transcode_id=repair.transcode_id,
                    name=repair.name,
                    done=repair.done,
                )
                for repair in (repairs.latest(query.repairs) if query.repairs else [])
            ],
        )
    )


@bp.post("/fix")
@require_role("editor")
@without_deadline
@documented(
    "Repairs drift.", tag="Drift", body=FixBody, answers={200: FixesAnswer}, errors=(404, 409)
)
def fix() -> Response:
    """``{id}`` repairs one drift, or all drift of a job; ``{all: true}`` everything of rows and
    queue; ``{unused: true}``, for an admin, removes what lies in the bucket and belongs to nothing.

    404 where there is no such drift. 409 where the bucket belongs to another installation, where
    the database is empty, and where more than a tenth of the bucket would be removed at once.
    """
    body = parsed(FixBody, json_object(request))
    who = current_user.name
    if body.id is not None:
        fixed = drift.fix(body.id, who)
    elif body.all:
        fixed = drift.fix_all(who)
    elif allowed("admin"):
        fixed = drift.remove_unused(who)
    else:
        raise Forbidden("Only an admin removes all that lies unused in the bucket.")
    if body.id is not None and not fixed:
        raise NotFound("There is no such drift (any more).")
    return answered(
        FixesAnswer(
            count=sum(one.done for one in fixed),
            fixed=[FixAnswer.model_validate(one) for one in fixed],
        )
    )


def shown(entry: Drift) -> DriftAnswer:
    """A drift as it is answered."""
    return DriftAnswer(
        id=entry.id,
        kind=entry.kind,
        job_id=entry.job_id,
        transcode_id=entry.transcode_id,
        name=entry.name,
        row=entry.row_says,
        other=entry.other,
        other_says=entry.other_says,
        rule=entry.rule,
        sentence=entry.sentence,
        fix=entry.fix,
        by_itself=entry.by_itself,
        fixable=entry.fixable,
        since=entry.since or None,
    )
