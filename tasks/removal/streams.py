"""What stands in the way of taking streams away."""

from collections.abc import Iterable

from tasks.jobs.transition import Row
from tasks.models import UNFINISHED, Media, TranscodeJob

_UNFINISHED = [status.value for status in UNFINISHED]


def watched(rows: Iterable[Row]) -> set[str]:
    """Ids of the rows' media whose stream can be watched."""
    ids = {row["media_id"] for row in rows}
    return set(Media.objects(media_id__in=list(ids), master_key__gt="").scalar("media_id"))


def worked_on(rows: Iterable[Row]) -> set[str]:
    """Ids of the rows' media that have an unfinished job."""
    ids = {row["media_id"] for row in rows}
    jobs = TranscodeJob.objects(media_id__in=list(ids), status__in=_UNFINISHED)
    return set(jobs.scalar("media_id"))


def needed(uploads: Iterable[Row]) -> set[str]:
    """Ids of the uploads' jobs that are not finished."""
    ids = {upload["transcode_id"] for upload in uploads}
    return set(TranscodeJob.objects(job_id__in=list(ids), status__in=_UNFINISHED).scalar("job_id"))
