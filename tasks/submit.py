"""Accepting, cancelling and retrying a transcode job: what people and programs ask for."""

import logging
import uuid

from tasks import job_log, lifecycle
from tasks.advance import advance, start
from tasks.job_log_words import JOB, megabytes
from tasks.models import UNFINISHED, Media, Phase, Title, TranscodeJob
from tasks.search_terms import words

log = logging.getLogger(__name__)


def submit(media: Media, *, who: str, client_id: str | None = None) -> TranscodeJob:
    """The unfinished job of a media, made where there is none.

    Returns when the job's row is written. Where Redis is away the reconciler sends its message.
    """
    unfinished = [status.value for status in UNFINISHED]
    existing = TranscodeJob.objects(media_id=media.media_id, status__in=unfinished).first()
    if existing is not None:
        job: TranscodeJob = existing
        return job
    title = Title.objects(title_id=media.title_id).first() if media.title_id else None
    # Two who ask at the same time count the same, so they make the same job, once.
    number = (media.jobs_made or 0) + 1
    job = TranscodeJob(
        job_id=str(uuid.uuid5(uuid.UUID(media.media_id), str(number))),
        media_id=media.media_id,
        name=title.name if title is not None else media.filename,
        filename=media.filename,
        resource_type=title.kind if title is not None else None,
        resource_id=media.title_id,
        resource_name=title.name if title is not None else None,
        client_id=client_id or str(uuid.uuid4()),
        created_by=who,
        phase=Phase.splitting.value,
        terms=words(media.filename, title.name if title else None, title.series if title else None),
    )
    lifecycle.create([job], who=who, why=f"Asked for by {who}.")
    job_log.note(job.job_id, JOB, f"Asked for by {who}: {media.filename}, {megabytes(media.size)}.")
    start(job)
    Media.objects(media_id=media.media_id).update_one(max__jobs_made=number)
    return job


def cancel_job(job_id: str, who: str) -> TranscodeJob:
    """Cancels a job and its parts. Raises NotFound, Conflict (both of tasks.lifecycle)."""
    return lifecycle.cancel(TranscodeJob, job_id, who)


def retry_job(job_id: str, who: str) -> TranscodeJob:
    """Starts a failed or cancelled job again, with the work it has. Raises NotFound, Conflict."""
    job = lifecycle.retry(TranscodeJob, job_id, who)
    advance(job_id)
    return job
