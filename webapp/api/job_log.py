"""``/v1/studio/transcoding-jobs/{jobId}/log``: what the pipeline noted of a job."""

from typing import Literal

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.exceptions import BadRequest, NotFound

from tasks.listing import cursor
from tasks.listing.cursor import BadCursor
from tasks.models import JobLogLine, TranscodeJob
from tasks.records import job_log_query
from webapp.api.answers import Answer, At, answered
from webapp.api.bodies import parsed_query
from webapp.auth.access import require_role
from webapp.openapi import documented

bp = Blueprint("api_job_log", __name__, url_prefix="/v1/studio/transcoding-jobs")


class LogQuery(BaseModel):
    """Which lines; ``after`` is the place that the page before named."""

    model_config = ConfigDict(extra="forbid")

    level: Literal["info", "warning", "error"] | None = None
    limit: int = Field(200, ge=1, le=job_log_query.LIMIT)
    after: str | None = Field(None, max_length=cursor.LENGTH)


class LogLine(Answer):
    """One line; ``detail`` is the end of a tool's log, null where there is none."""

    model_config = ConfigDict(from_attributes=True)

    at: At
    level: Literal["info", "warning", "error"]
    step: str = Field(description="`job`, `split`, `chunk 3`, `audio`, `merge`, `upload 720p`.")
    message: str
    detail: str | None


class LogPage(Answer):
    """Lines of one job, oldest first; ``after`` is null on the last page."""

    job_id: str
    lines: list[LogLine]
    after: str | None


@bp.get("/<job_id>/log")
@require_role("viewer")
@documented(
    "What the pipeline noted of a job.",
    tag="Transcoding jobs",
    query=LogQuery,
    answers={200: LogPage},
    errors=(400, 404),
)
def lines(job_id: str) -> Response:
    """Kept for ``DAILIES_JOB_LOG_DAYS``, also where the job's row has been deleted meanwhile.

    404 where there is neither a job nor a line of it, 400 an ``after`` that no page named.
    """
    query = parsed_query(LogQuery, request.args)
    try:
        found, after = job_log_query.page(
            job_id, limit=query.limit, after=query.after, level=query.level
        )
    except BadCursor as error:
        raise BadRequest(f"after: {error}") from None
    if not found and not _known(job_id):
        raise NotFound(f"There is no job {job_id[:100]!r}, and no line of its log.")
    shown = [LogLine.model_validate(line) for line in found]
    return answered(LogPage(job_id=job_id, lines=shown, after=after))


def _known(job_id: str) -> bool:
    return bool(TranscodeJob.objects(job_id=job_id).only("job_id").first()) or bool(
        JobLogLine.objects(job_id=job_id).only("job_id").first()
    )
