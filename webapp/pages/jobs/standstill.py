"""Why a job stands still though it has not failed: a paused queue, an upload that was cancelled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tasks.control import pausing
from tasks.jobs.upload_text import NOTHING_LOST
from tasks.models import Phase, Status, TranscodeJob, UploadJob
from tasks.queue import broker

#: Whose queue holds up a phase.
_QUEUES = {
    Phase.splitting: broker.SPLIT,
    Phase.transcoding: broker.CHUNKS,
    Phase.merging: broker.MERGE,
    Phase.uploading: broker.UPLOAD_HLS,
}


@dataclass(frozen=True)
class Standstill:
    """Paused queues, and by transcode job what its master playlist waits for in vain."""

    paused: frozenset[str] = frozenset()
    lost: Mapping[str, str] = field(default_factory=dict)

    def of(self, job: TranscodeJob | UploadJob) -> str:
        """Why a job does not move, in a sentence; empty where nothing holds it up."""
        if isinstance(job, TranscodeJob):
            if job.status == Status.active and job.job_id in self.lost:
                return self.lost[job.job_id]
            first = job.status == Status.waiting
            name = broker.SPLIT if first else _QUEUES.get(job.phase, "")
            unfinished = first or job.status == Status.active
        else:
            name, unfinished = job.queue_name, job.status == Status.waiting
        return f"The queue {name} is paused." if unfinished and name in self.paused else ""


def standstill_of(jobs: Sequence[TranscodeJob | UploadJob]) -> Standstill:
    """What holds up any of these jobs; nothing is asked where all are finished."""
    if not any(job.status in (Status.waiting, Status.active) for job in jobs):
        return Standstill()
    return Standstill(frozenset(pausing.holds().queues), lost_of(jobs))


def lost_of(jobs: Sequence[TranscodeJob | UploadJob]) -> dict[str, str]:
    """What the master playlists of transcode jobs wait for in vain, by job id."""
    uploading = [
        job.job_id
        for job in jobs
        if isinstance(job, TranscodeJob)
        and (job.status, job.phase) == (Status.active, Phase.uploading)
    ]
    if not uploading:
        return {}
    masters = UploadJob.objects(
        transcode_id__in=uploading, upload_type="master_playlist", status=Status.waiting
    ).scalar("transcode_id", "waits_for")
    return {job_id: why for job_id, why in masters if why and why != NOTHING_LOST}
