"""What ``/v1/studio/*-jobs`` take and give, as models."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, model_validator

from tasks.control.allowed import Action, Kind, State, refusals
from tasks.control.bulk import MOST_IDS
from tasks.jobs_query import LIMIT, JobFilter, Order
from tasks.jobs_query import moment as moment_of
from tasks.models import Status, TranscodeJob, UploadJob, WorkUnit
from tasks.models.bulk_operation import BulkOperation
from webapp.api.job_status import moment

Choice = Literal["film", "season", "episode"]


def _moment(value: Any) -> datetime:
    at = moment_of(value) if isinstance(value, str) else None
    if at is None:
        raise ValueError("is no date or time such as 2026-11-20 or 2026-11-20T09:30:00Z")
    return at


Moment = Annotated[datetime, PlainValidator(_moment)]


class FilterFields(BaseModel):
    """What jobs are chosen by."""

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

    sort: Order = Order.newest
    limit: int = Field(50, ge=1, le=LIMIT)
    after: str | None = Field(None, max_length=400)


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
    outputs: bool = False

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

    dry_run: bool = Field(False, alias="dryRun")


#: What of an upload job is given as it is, besides what all jobs have.
_UPLOAD_FIELDS = {
    "transcodeId": "transcode_id",
    "mediaId": "media_id",
    "jobType": "job_type",
    "resourceType": "resource_type",
    "resourceId": "resource_id",
    "resourceName": "resource_name",
    "filmId": "film_id",
    "episodeId": "episode_id",
    "seasonId": "season_id",
    "filename": "filename",
    "uploadType": "upload_type",
    "contentType": "content_type",
    "label": "label",
    "hlsDir": "hls_dir",
    "masterPlaylistPath": "master_playlist_path",
    "subtitlePath": "subtitle_path",
    "uploadPath": "upload_path",
    "initialMetadata": "initial_metadata",
    "subtitleMetadata": "subtitle_metadata",
    "subtitleLanguages": "subtitle_languages",
    "bucketName": "bucket_name",
    "clientId": "client_id",
    "filesTotal": "files_total",
    "filesDone": "files_done",
    "bytesTotal": "bytes_total",
    "bytesDone": "bytes_done",
    "currentFile": "current_file",
    "speed": "speed",
}
_TRANSCODE_FIELDS = {
    "mediaId": "media_id",
    "name": "name",
    "filename": "filename",
    "resourceType": "resource_type",
    "resourceId": "resource_id",
    "resourceName": "resource_name",
    "clientId": "client_id",
    "createdBy": "created_by",
    "phase": "phase",
    "phases": "phases",
    "duration": "duration",
    "chunksTotal": "chunks_total",
    "chunksDone": "chunks_done",
    "speed": "speed",
    "etaSeconds": "eta_seconds",
    "renditions": "renditions",
}
_COMMON_FIELDS = {
    "jobId": "job_id",
    "queueName": "queue_name",
    "status": "status",
    "progress": "progress",
    "attempt": "attempt",
    "canCancel": "can_cancel",
    "cancelledAt": "cancelled_at",
    "failedReason": "failed_reason",
    "errorMessage": "error_message",
    "nextAttemptAt": "next_attempt_at",
    "createdAt": "created_at",
    "startedAt": "started_at",
    "finishedAt": "finished_at",
    "updatedAt": "updated_at",
}
_FIELDS = {
    Kind.upload: {**_COMMON_FIELDS, **_UPLOAD_FIELDS},
    Kind.transcode: {**_COMMON_FIELDS, **_TRANSCODE_FIELDS},
}
#: Left out of lists: they are long, and a job's own page has them.
_LONG = {"initialMetadata"}


def row_fields(kind: Kind) -> tuple[str, ...]:
    """The columns that a list reads."""
    return tuple(field for name, field in _FIELDS[kind].items() if name not in _LONG)


def shown(kind: Kind, job: TranscodeJob | UploadJob, *, whole: bool = False) -> dict[str, Any]:
    """A job as JSON has it; ``whole`` with history, log and metadata.

    ``actions`` says for each action null where it is allowed, else why it is not.
    """
    fields = {
        name: _plain(getattr(job, field))
        for name, field in _FIELDS[kind].items()
        if whole or name not in _LONG
    }
    state = State(Status(job.status), job.can_cancel is not False)
    fields["actions"] = {action.value: why for action, why in refusals(state).items()}
    if whole:
        fields["errorLog"] = job.error_log
        fields["history"] = _history(job)
    return fields


def operation(row: BulkOperation) -> dict[str, Any]:
    """A bulk operation as JSON has it."""
    return {
        "operationId": row.job_id,
        "kind": row.job_kind,
        "action": row.action,
        "status": row.status,
        "progress": row.progress,
        "total": row.total,
        "done": row.done,
        "skipped": row.skipped,
        "failed": row.failures,
        "results": _plain(row.results),
        "errorMessage": row.error_message,
        "createdAt": _plain(row.created_at),
        "finishedAt": _plain(row.finished_at),
    }


def _history(job: WorkUnit) -> list[dict[str, Any]]:
    return [
        {"at": moment(line.at), "status": line.status, "who": line.who, "why": line.why}
        for line in job.history
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value
