"""Rows and enums: one document a file; import them from here.

May import: nothing of this project. `stored.collection` is the one way past the documents.
"""

from tasks.models.audit_entry import AuditEntry
from tasks.models.backlog_hour import BacklogHour
from tasks.models.bulk_operation import BulkOperation
from tasks.models.day_statistics import DayStatistics
from tasks.models.deleted_video import DeletedVideo
from tasks.models.hold import Hold
from tasks.models.installation import Installation
from tasks.models.job_log_line import JobLogLine
from tasks.models.kind import Kind
from tasks.models.media import Media
from tasks.models.migration_record import MigrationRecord
from tasks.models.module import TrainingModule
from tasks.models.repair import Repair
from tasks.models.share import Share
from tasks.models.step import BESIDE, Step, StepKind
from tasks.models.stream import Stream, StreamState
from tasks.models.subtitle import Subtitle
from tasks.models.title import Title
from tasks.models.transcode_job import Phase, TranscodeJob
from tasks.models.upload_job import UploadJob
from tasks.models.work import (
    FINISHED,
    FINISHED_VALUES,
    NEXT,
    UNFINISHED,
    UNFINISHED_VALUES,
    Lease,
    Status,
    Transition,
    WorkUnit,
)

#: The rows of each kind of job.
MODELS: dict[Kind, type[TranscodeJob] | type[UploadJob]] = {
    Kind.transcode: TranscodeJob,
    Kind.upload: UploadJob,
}

#: Every collection, so that its indexes are made.
DOCUMENTS = (
    AuditEntry,
    BacklogHour,
    BulkOperation,
    DayStatistics,
    DeletedVideo,
    Hold,
    Installation,
    JobLogLine,
    Media,
    MigrationRecord,
    Repair,
    Share,
    Step,
    Stream,
    Subtitle,
    Title,
    TrainingModule,
    TranscodeJob,
    UploadJob,
)

__all__ = [
    "BESIDE",
    "DOCUMENTS",
    "FINISHED",
    "FINISHED_VALUES",
    "MODELS",
    "NEXT",
    "UNFINISHED",
    "UNFINISHED_VALUES",
    "AuditEntry",
    "BacklogHour",
    "BulkOperation",
    "DayStatistics",
    "DeletedVideo",
    "Hold",
    "Installation",
    "JobLogLine",
    "Kind",
    "Lease",
    "Media",
    "MigrationRecord",
    "Phase",
    "Repair",
    "Share",
    "Status",
    "Step",
    "StepKind",
    "Stream",
    "StreamState",
    "Subtitle",
    "Title",
    "TrainingModule",
    "TranscodeJob",
    "Transition",
    "UploadJob",
    "WorkUnit",
]
