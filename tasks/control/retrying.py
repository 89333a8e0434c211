"""Whether a retry of an upload can come to anything, and what it waits for."""

from tasks.jobs.lifecycle import Conflict
from tasks.jobs.outputs import merge_of
from tasks.models import Status, TranscodeJob, UploadJob
from tasks.subtitles.tracks import stand_in


def what_a_retry_does(upload: UploadJob) -> str:
    """What is said of a retry, in a sentence. Raises Conflict where it would come to nothing."""
    job: TranscodeJob | None = TranscodeJob.objects(job_id=upload.transcode_id).first()
    job = job or stand_in(upload.transcode_id)
    if job is None:
        raise Conflict("Its transcode job was deleted: there is nothing left that it could put.")
    if job.status != Status.completed:
        if merge_of(job) is None:
            return "Waits until its transcode job has made its files again."
    elif upload.upload_type == "hls":
        raise Conflict(
            "Its transcode job is completed without it: there is nothing to retry. Sync compares "
            "the job with the bucket."
        )
    return "Waits to be done again."
