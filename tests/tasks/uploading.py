"""A job that has come to its uploads, and a worker that is played here."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks import keys
from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.jobs.advance import advance
from tasks.jobs.attach import attach
from tasks.models import Media, StepKind, Subtitle, TranscodeJob, UploadJob
from tests.recovery.waiting import until
from tests.tasks.rows import a_job, a_media, a_step, claimed

if TYPE_CHECKING:
    from tasks.actors.heartbeat import Heartbeat

MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\n720p/playlist.m3u8\n"
CUE = b"1\n00:00:01,000 --> 00:00:02,000\nGuten Morgen, wie geht es Ihnen?\n"
SECONDS = 70.0
TYPES = ("hls", "subtitle", "master_playlist")

Work = Callable[[UploadJob, "Heartbeat"], Mapping[str, Any]]


def uploading_job(*renditions: str, segments: int = 2, subtitle: bool = False) -> TranscodeJob:
    """A job whose work area has everything; its uploads are queued, and nobody works on them."""
    media = a_media()
    media.update(set__duration=SECONDS)
    names = renditions or ("720p",)
    job = a_job(
        media_id=media.media_id,
        plan={"chunks": [{}]},
        renditions=[{"name": name} for name in names],
    )
    lifecycle.activate(job.job_id)
    chunk = _segments(names, segments)
    outputs = [
        {
            "name": name,
            "init_name": f"{name}/init.mp4",
            "segments": [{"name": segment} for segment in files],
        }
        for name, files in chunk.items()
    ]
    playlists = [f"{name}/playlist.m3u8" for name in names]
    prefixes = _prefixes(job)
    results: dict[StepKind, dict[str, Any]] = {
        StepKind.SPLIT: {},
        StepKind.CHUNK: {"renditions": outputs, "prefix": prefixes["chunk"]},
        StepKind.MERGE: {"playlists": playlists, "prefix": prefixes["merge"]},
    }
    for kind, result in results.items():
        lifecycle.complete(claimed(a_step(job, kind)), {"result": result})
    fill_work_area(job, segments)
    if subtitle:
        attached(media)
    advance(job.job_id)
    return lifecycle.find(TranscodeJob, job.job_id)


def fill_work_area(job: TranscodeJob, segments: int = 2) -> None:
    """Puts what the encoding of a job made, as its steps say."""
    storage, prefixes = get_storage(), _prefixes(job)
    for name, files in _segments([row["name"] for row in job.renditions], segments).items():
        for file in (f"{name}/init.mp4", *files):
            storage.put_bytes(prefixes["chunk"] + file, file.encode())
        storage.put_bytes(f"{prefixes['merge']}{name}/playlist.m3u8", b"#EXTM3U\n")
    storage.put_bytes(prefixes["merge"] + "master.m3u8", MASTER.encode())


def _prefixes(job: TranscodeJob) -> dict[str, str]:
    return {kind: keys.work(job.job_id, kind, "") for kind in ("chunk", "merge")}


def _segments(names: Sequence[str], count: int) -> dict[str, list[str]]:
    return {name: [f"{name}/seg_{n:05}.m4s" for n in range(count)] for name in names}


def attached(media: Media) -> Subtitle:
    """A subtitle of the media with one German cue."""
    return attach(media, "tides.srt", CUE, who="a test")


def upload_of(job: TranscodeJob, upload_type: str = "hls", **fields: Any) -> UploadJob:
    """The job's only upload of a type, as it is now."""
    found: UploadJob = UploadJob.objects(
        transcode_id=job.job_id, upload_type=upload_type, **fields
    ).get()
    return found


def do_uploads(job: TranscodeJob, *upload_types: str) -> None:
    """Does what is queued of these types, or of all, one after the other, until nothing is."""
    while queued := UploadJob.objects(
        transcode_id=job.job_id,
        status="waiting",
        message_id__ne=None,
        next_attempt_at=None,
        upload_type__in=upload_types or TYPES,
    ).first():
        do(queued)


def do(upload: UploadJob) -> None:
    """Does a queued upload as a worker does when its message comes."""
    _perform(upload, _work_of(upload))


def _perform(upload: UploadJob, work: Work) -> None:
    # Actors need the servers' addresses as soon as they are imported.
    from tasks.actors.perform import perform

    perform(UploadJob, upload.queue_name, upload.job_id, upload.message_id, work)


def _work_of(upload: UploadJob) -> Work:
    from tasks.actors import master, subtitle
    from tasks.actors import upload as hls

    return {
        "hls": hls.upload_hls,
        "subtitle": subtitle.upload_subtitle,
        "master_playlist": master.upload_master,
    }[upload.upload_type]


class AtWork:
    """A queued upload, being done beside the test."""

    def __init__(self, upload: UploadJob) -> None:
        self.beat: Heartbeat | None = None
        self._upload = upload
        self._thread = threading.Thread(target=self._do, daemon=True)
        self._thread.start()

    def _do(self) -> None:
        def work(upload: UploadJob, beat: "Heartbeat") -> Mapping[str, Any]:
            self.beat = beat
            return _work_of(upload)(upload, beat)

        _perform(self._upload, work)

    def told_to_stop(self) -> bool:
        """Whether the work has been told that it must end."""
        return self.beat is not None and self.beat.stop.is_set()

    def ended(self) -> bool:
        """Whether its worker is free again."""
        return not self._thread.is_alive()

    def end(self) -> None:
        """Waits until its worker is free again."""
        until(self.ended, "the end of the upload")
