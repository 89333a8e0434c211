"""Accepts transcode jobs."""

import logging
import uuid

from tasks import streams
from tasks.jobs import lifecycle
from tasks.jobs.advance import start
from tasks.listing.search_terms import words
from tasks.models import UNFINISHED_VALUES, Media, Phase, Title, TranscodeJob
from tasks.records import job_log
from tasks.records.job_log_text import JOB, megabytes

log = logging.getLogger(__name__)


def job_id_for(media: Media) -> str:
    """The id of the media's unfinished job, or where there is none, of the one to be made."""
    existing = TranscodeJob.objects(media_id=media.media_id, status__in=UNFINISHED_VALUES)
    job_id: str | None = existing.scalar("job_id").first()
    return job_id or _numbered(media, _next_number(media))


def submit(
    media: Media, *, who: str, client_id: str | None = None, job_id: str | None = None
) -> TranscodeJob:
    """The unfinished job of a media, made where there is none.

    ``job_id``: what `job_id_for` said when this was asked for first; where that job is there, it is
    the answer, finished or not. Returns when the job's row is written. Where Redis is away the
    reconciler sends its message.
    """
    job_id = job_id or job_id_for(media)
    existing: TranscodeJob | None = TranscodeJob.objects(job_id=job_id).first()
    if existing is not None:
        return existing
    title = Title.objects(title_id=media.title_id).first() if media.title_id else None
    number = _next_number(media)
    job = TranscodeJob(
        job_id=job_id,
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
    streams.of_job(job)
    job_log.note(job.job_id, JOB, f"Asked for by {who}: {media.filename}, {megabytes(media.size)}.")
    start(job)
    Media.objects(media_id=media.media_id).update_one(max__jobs_made=number)
    return job


def _next_number(media: Media) -> int:
    # Two who ask at the same time count the same, so they make the same job, once.
    number = (media.jobs_made or 0) + 1
    # A process that was killed has not counted what it made.
    while TranscodeJob.objects(job_id=_numbered(media, number)).first() is not None:
        number += 1
    return number


def _numbered(media: Media, number: int) -> str:
    return str(uuid.uuid5(uuid.UUID(media.media_id), str(number)))
