"""Indexes of jobs go in whose place there are others."""

from collections.abc import Iterator

from tasks.models import TranscodeJob, UploadJob
from tasks.models.stored import collection

REPLACED = frozenset(
    {
        "resource_id_1",
        "created_at_-1_job_id_-1",
        "status_1_created_at_-1_job_id_-1",
        "status_1_facet_1_created_at_1_job_id_1",
        "terms_1_created_at_1_job_id_1",
        "finished_at_-1_job_id_-1_status_1_failed_reason_1_started_at_1",
        "finished_at_-1_job_id_-1_status_1_failed_reason_1_started_at_1_speed_1",
    }
)


def remaining() -> int:
    """Indexes, in place of rows."""
    jobs = (collection(document) for document in (TranscodeJob, UploadJob))
    return sum(len(REPLACED & rows.index_information().keys()) for rows in jobs)


def run() -> Iterator[int]:
    for document in (TranscodeJob, UploadJob):
        rows = collection(document)
        for name in REPLACED & rows.index_information().keys():
            rows.drop_index(name)
            yield 1
