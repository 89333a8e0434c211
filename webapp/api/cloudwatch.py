"""``/v1/studio/cloudwatch``: how the logging of progress to CloudWatch goes."""

from flask import Blueprint, Response
from pydantic import Field

from tasks.cloudwatch import spool
from tasks.settings import get_settings
from webapp.api.answers import Answer, At, answered
from webapp.auth.access import require_role
from webapp.openapi import documented

bp = Blueprint("api_cloudwatch", __name__, url_prefix="/v1/studio/cloudwatch")


class CloudWatchAnswer(Answer):
    """How it goes; the numbers count log entries since Redis was set up."""

    enabled: bool
    log_group: str | None
    waiting: int = Field(description="Not logged yet.")
    sent: int
    dropped: int = Field(description="Never to be logged: too many waited, or CloudWatch refused.")
    gaps: int = Field(description="How often events were forgotten before they were read.")
    error: str | None = Field(description="What is wrong now; null since the last success.")
    last_success_at: At | None
    last_error: str | None
    last_error_at: At | None


@bp.get("")
@require_role("viewer")
@documented(
    "How the logging of progress to CloudWatch goes.",
    tag="Overview",
    answers={200: CloudWatchAnswer},
)
def show() -> Response:
    """Where it is off, the numbers are those from before."""
    state = spool.state()
    group = get_settings().cloudwatch_group
    answer = CloudWatchAnswer(
        enabled=group is not None,
        log_group=group,
        waiting=state.waiting,
        sent=state.sent,
        dropped=state.dropped,
        gaps=state.gaps,
        error=state.error,
        last_success_at=state.last_success_at,
        last_error=state.last_error,
        last_error_at=state.last_error_at,
    )
    return answered(answer)
