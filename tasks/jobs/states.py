"""Reads the states that ``tasks.jobs.decide`` judges: jobs with their steps and uploads."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.errors import Category, WorkError
from tasks.jobs.decide import JobState, StepState, UploadState
from tasks.jobs.uploads import master_id
from tasks.models import FINISHED, Phase, Status, Step, StepKind, TranscodeJob, UploadJob, stored
from tasks.subtitles import tracks

Row = Mapping[str, Any]

JOB_FIELDS: Mapping[str, Any] = {
    "_id": 0,
    "job_id": 1,
    "media_id": 1,
    "status": 1,
    "phase": 1,
    "retrying": 1,
    "retry_only": 1,
    "renditions.name": 1,
    "chunks": {"$size": {"$ifNull": ["$plan.chunks", []]}},
    "audio": {"$ne": [{"$ifNull": ["$plan.audio", None]}, None]},
}
_PART_FIELDS = (
    "job_id",
    "transcode_id",
    "status",
    "message_id",
    "failed_reason",
    "error_message",
    "error_log",
)
STEP_FIELDS: Mapping[str, Any] = {
    "_id": 0,
    **dict.fromkeys((*_PART_FIELDS, "kind", "index", "attempt"), 1),
}
UPLOAD_FIELDS: Mapping[str, Any] = {
    "_id": 0,
    **dict.fromkeys((*_PART_FIELDS, "upload_type", "rendition", "subtitle_id", "waits_for"), 1),
}
#: The order of the parts of many jobs, each in its index.
#: Faster than a call of the enum, of which a survey needs hundreds of thousands.
_STATUS = {status.value: status for status in Status}
_KIND = {kind.value: kind for kind in StepKind}
_PHASE = {phase.value: phase for phase in Phase} | {None: Phase.splitting}
_STEP_ORDER = [("transcode_id", 1), ("kind", 1), ("index", 1)]
_UPLOAD_ORDER = [("transcode_id", 1), ("job_id", 1)]


@dataclass(frozen=True)
class Known:
    """A transcode job at one moment; ``subtitles`` is the work due for its media's subtitles."""

    media_id: str
    state: JobState
    subtitles: tracks.Due


def read_states(job_ids: Collection[str]) -> dict[str, Known]:
    """Transcode jobs by id, or media that stand for deleted ones; without those that are neither.

    Subtitles are read before parts, so that an upload that ends meanwhile is seen.
    """
    ids = list(job_ids)
    rows: dict[str, Row] = {
        row["job_id"]: row
        for row in stored.collection(TranscodeJob).find({"job_id": {"$in": ids}}, JOB_FIELDS)
    }
    for job_id in ids:
        if job_id not in rows and (stand_in := tracks.stand_in(job_id)) is not None:
            rows[job_id] = stand_in.to_mongo()
    if not rows:
        return {}
    subtitles = subtitles_of(rows.values())
    of_jobs = {"transcode_id": {"$in": list(rows)}}
    steps = _by_job(stored.collection(Step).find(of_jobs, STEP_FIELDS).sort(_STEP_ORDER))
    uploads = _by_job(stored.collection(UploadJob).find(of_jobs, UPLOAD_FIELDS).sort(_UPLOAD_ORDER))
    known = {}
    for job_id, row in rows.items():
        due = subtitles.get(job_id, tracks.Due())
        state = state_of(row, steps[job_id], uploads[job_id], due)
        known[job_id] = Known(row["media_id"], state, due)
    return known


def _by_job(rows: Iterable[Row]) -> dict[str, list[Row]]:
    by_job: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_job[row["transcode_id"]].append(row)
    return by_job


def subtitles_of(jobs: Iterable[Row]) -> dict[str, tracks.Due]:
    """The work that is due for the subtitles of jobs that upload or are finished, by job id."""
    return tracks.due(
        [row for row in jobs if row["status"] in FINISHED or row.get("phase") == Phase.uploading]
    )


def state_of(
    job: Row, steps: Iterable[Row], uploads: Iterable[Row], subtitles: tracks.Due
) -> JobState:
    """The state of a job, of rows with the fields above."""
    return JobState(
        status=_STATUS[job["status"]],
        phase=_PHASE[job.get("phase")],
        encodes=(job.get("chunks") or 0) + bool(job.get("audio")),
        renditions=[rendition["name"] for rendition in job.get("renditions") or ()],
        retrying=bool(job.get("retrying")),
        retry_only=job.get("retry_only") or (),
        steps=[_step(row) for row in steps],
        uploads=[_upload(row) for row in uploads],
        subtitles_due=subtitles.uploads,
        removals=subtitles.removals,
        master_due=subtitles.master,
    )


def _step(row: Row) -> StepState:
    return StepState(
        job_id=row["job_id"],
        kind=_KIND[row["kind"]],
        index=row.get("index") or 0,
        status=_STATUS[row["status"]],
        message_id=row.get("message_id"),
        tried=bool(row.get("attempt")),
        error=_error(row),
    )


def _upload(row: Row) -> UploadState:
    master = row.get("upload_type") == "master_playlist"
    return UploadState(
        job_id=row["job_id"],
        rendition=row.get("rendition") if row.get("upload_type") == "hls" else None,
        subtitle=row.get("subtitle_id"),
        refresh=master and row["job_id"] != master_id(row["transcode_id"]),
        status=_STATUS[row["status"]],
        message_id=row.get("message_id"),
        error=_error(row),
        waits_for=row.get("waits_for"),
    )


def _error(row: Row) -> WorkError | None:
    if row["status"] not in (Status.failed, Status.cancelled) or not row.get("error_message"):
        return None
    category = Category(row.get("failed_reason") or Category.internal)
    return WorkError(row["error_message"], category=category, log=row.get("error_log") or "")
