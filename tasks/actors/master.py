"""Upload of the master playlist: the last of a job's, and again whenever its subtitles change."""

from typing import Any

from tasks import keys, streams
from tasks.actors.heartbeat import Heartbeat
from tasks.actors.upload import make_again
from tasks.actors.upload_counter import UploadCounter
from tasks.errors import BadInput, NotYet, Stopped, StorageFailed
from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.jobs.outputs import merge_of, missing_outputs
from tasks.models import Media, Stream, TranscodeJob, UploadJob


def upload_master(upload: UploadJob, beat: Heartbeat) -> dict[str, Any]:
    """Publishes the stream of an unfinished job, and writes the master that the media's row says.

    Where a stream of a job that was asked for later is live, that one stays. Raises NotYet where
    files of the stream are being made again, StorageFailed, Stopped.
    """
    if Media.objects(media_id=upload.media_id).first() is None:
        raise BadInput("The media of this playlist was deleted.")
    job = TranscodeJob.objects(job_id=upload.transcode_id).first()
    if job is not None and not job.finished:
        stream = _completed(job, upload, beat)
        _check_claim(upload, beat)
        streams.publish_newest(stream)
    written = streams.write_master(
        upload.media_id, before_writing=lambda: _check_claim(upload, beat)
    )
    if written is None:
        raise BadInput("The video has no stream to play any more.")
    tally = UploadCounter(beat, 1, written.size)
    tally.add(keys.MASTER, written.size, moved=written.moved)
    languages = list(written.languages)
    TranscodeJob.objects(job_id=upload.transcode_id).update_one(set__subtitle_languages=languages)
    return {**tally.fields(), "subtitle_languages": languages}


def _completed(job: TranscodeJob, upload: UploadJob, beat: Heartbeat) -> Stream:
    """The job's stream, whole: every file that its steps name is there."""
    storage = get_storage()
    stream = streams.of_job(job)
    text = _merged(job)
    key = keys.stream(stream.media_id, stream.folder, keys.MASTER)
    there = storage.list(streams.prefix(stream))
    if lacking := missing_outputs(job, stream, there):
        _send_back(job, lacking)
    _check_claim(upload, beat)
    if stream.complete_at is None:
        storage.put_bytes(key, text.encode(), keys.content_type(key))
    sizes = {name: info.size for name, info in there.items() if name != key}
    complete = streams.complete(stream, job, master=text, files={**sizes, key: len(text.encode())})
    if complete is None:
        raise Stopped("The stream of this job was removed.")
    return complete


def _check_claim(upload: UploadJob, beat: Heartbeat) -> None:
    """Raises Stopped where the upload is another worker's, or nobody's, by now."""
    mine = UploadJob.objects(
        __raw__={"job_id": upload.job_id, "status": "active", "lease.token": upload.lease.token}
    )
    if beat.stop.is_set() or mine.only("job_id").first() is None:
        raise Stopped("Stopped before the master playlist was written.")


def _merged(job: TranscodeJob) -> str:
    """The master as merge made it."""
    merge = merge_of(job)
    if merge is None:
        raise NotYet("The playlists are being made again.")
    key = merge.result["prefix"] + keys.MASTER
    try:
        return get_storage().get_bytes(key).decode()
    except KeyError:
        make_again(job, [key])
    raise StorageFailed("The master playlist is not in the work area any more.")


def _send_back(job: TranscodeJob, lacking: dict[str, list[str]]) -> None:
    """Uploads whose files are not in the stream (any more) put them again. Raises NotYet,
    StorageFailed."""
    uploads = UploadJob.objects(transcode_id=job.job_id, rendition__in=list(lacking))
    again = [
        lifecycle.redo(upload, "Its files are not in the stream any more.") for upload in uploads
    ]
    count = sum(len(names) for names in lacking.values())
    if not any(again):
        raise StorageFailed(f"{count:,} files of the stream are not in the bucket.")
    raise NotYet(f"{count:,} files are missing from the stream and are put again.")
