"""The rows around a step: its job, its media, the plan."""

from tasks.errors import BadInput, WorkError
from tasks.media.plan import Plan
from tasks.media.source import SourceInfo
from tasks.models import Media, TranscodeJob


def job_of(transcode_id: str) -> TranscodeJob:
    """The job of a step. Raises WorkError where it was deleted."""
    job = TranscodeJob.objects(job_id=transcode_id).first()
    if job is None:
        raise WorkError("The job of this step is gone.")
    found: TranscodeJob = job
    return found


def media_of(job: TranscodeJob) -> Media:
    """The media of a job. Raises BadInput where it was deleted."""
    media = Media.objects(media_id=job.media_id).first()
    if media is None:
        raise BadInput("The media of this job was deleted.")
    found: Media = media
    return found


def plan_of(job: TranscodeJob) -> Plan:
    """What the split step planned."""
    return Plan.model_validate(job.plan)


def source_of(media: Media) -> SourceInfo:
    """What the split step found in the source."""
    return SourceInfo.model_validate(media.source)
