"""Requests of ``/v1/studio``, as models."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StrictBool, model_validator

from tasks.control.bulk import MOST_IDS
from tasks.jobs.allowed import Action
from tasks.listing import cursor
from tasks.listing.job_filter import JobFilter
from tasks.listing.job_filter import moment as moment_of
from tasks.listing.jobs_query import LIMIT, SortOrder
from tasks.models import Status

Choice = Literal["film", "season", "episode"]


def _moment(value: Any) -> datetime:
    at = moment_of(value) if isinstance(value, str) else None
    if at is None:
        raise ValueError("must be a date or time such as 2026-11-20 or 2026-11-20T09:30:00Z")
    return at


Moment = Annotated[datetime, PlainValidator(_moment, json_schema_input_type=datetime)]


class FilterFields(BaseModel):
    """The filter of jobs."""

    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    status: Status | None = None
    type: Choice | None = None
    upload_type: Literal["hls", "master_playlist", "subtitle", "video"] | None = Field(
        None, alias="uploadType"
    )
    content_type: Literal["video", "audio", "subtitle", "playlist"] | None = Field(
        None, alias="contentType"
    )
    label: Literal["SD", "HD", "FHD", "UHD"] | None = None
    resource_id: str | None = Field(None, alias="resourceId", max_length=64)
    media_id: str | None = Field(None, alias="mediaId", max_length=64)
    transcode_id: str | None = Field(None, alias="transcodeId", max_length=64)
    since: Moment | None = Field(None, alias="from")
    until: Moment | None = Field(None, alias="to")
    q: str = Field("", max_length=100)

    def filter(self) -> JobFilter:
        """As the query of the database."""
        return JobFilter(
            status=self.status,
            resource_type=self.type,
            upload_type=self.upload_type,
            content_type=self.content_type,
            label=self.label,
            resource_id=self.resource_id,
            media_id=self.media_id,
            transcode_id=self.transcode_id,
            since=self.since,
            until=self.until,
            search=self.q,
        )


class ListQuery(FilterFields):
    """Query parameters of a list of jobs."""

    sort: SortOrder = SortOrder.newest
    limit: int = Field(50, ge=1, le=LIMIT)
    after: str | None = Field(None, max_length=cursor.LENGTH)


class DeleteQuery(BaseModel):
    """Whether what the job made goes too."""

    model_config = ConfigDict(extra="forbid")

    outputs: Literal["true", "false"] = "false"


class ClearBody(BaseModel):
    """Which finished jobs are cleared."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["completed", "failed", "cancelled", "all"]


class BulkBody(BaseModel):
    """One action on the ``ids``, or on all jobs that match ``filter``: exactly one of the two."""

    model_config = ConfigDict(extra="forbid")

    action: Action
    ids: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field([], max_length=MOST_IDS)
    filter: FilterFields | None = None
    outputs: StrictBool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> "BulkBody":
        if bool(self.ids) == (self.filter is not None):
            raise ValueError("give either ids or filter")
        return self


class AuditQuery(BaseModel):
    """Query parameters of the audit log."""

    model_config = ConfigDict(extra="forbid")

    who: str | None = Field(None, max_length=200)
    target: str | None = Field(None, max_length=200)
    limit: int = Field(100, ge=1, le=500)
    before: Moment | None = None


class FixStuckBody(BaseModel):
    """``dryRun`` shows what would be done."""

    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    dry_run: StrictBool = Field(False, alias="dryRun")
