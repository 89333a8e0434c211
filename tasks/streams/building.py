"""The stream of a job: begun with the job, complete once."""

import secrets
from collections.abc import Mapping
from typing import Any

from pymongo import ReturnDocument

from tasks.errors import Stopped
from tasks.models import Media, Stream, StreamState, TranscodeJob, stored
from tasks.models.clock import now
from tasks.settings import get_settings


def of_job(job: TranscodeJob) -> Stream:
    """The stream that a job builds or has built, begun where there is none.

    The only stream that the job's workers may write into. Raises Stopped where the job was deleted,
    or where the stream was removed and the job has another since ``job`` was read.
    """
    stream = _begun(job, job.stream_id or _given(job, None))
    if stream.state == StreamState.removed:
        # A clean-up removed it and did not come to its end: what follows is made anew.
        stream = _begun(job, _given(job, stream.stream_id))
    job.stream_id = stream.stream_id
    return stream


def built_by(job: TranscodeJob) -> Stream | None:
    """The stream that a job builds or has built, where there is one that is not removed."""
    stream: Stream | None = (
        Stream.objects(stream_id=job.stream_id, state__ne=StreamState.removed.value).first()
        if job.stream_id
        else None
    )
    return stream


def _given(job: TranscodeJob, instead_of: str | None) -> str:
    """A new id for the job's stream; where it has none yet, the one that it is given meanwhile."""
    rows = stored.collection(TranscodeJob)
    row = rows.find_one_and_update(
        {"job_id": job.job_id, "stream_id": instead_of},
        {"$set": {"stream_id": secrets.token_hex(6)}},
        projection={"stream_id": 1},
        return_document=ReturnDocument.AFTER,
    )
    if row is None and instead_of is None:
        row = rows.find_one({"job_id": job.job_id, "stream_id": {"$ne": None}}, {"stream_id": 1})
    if row is None:
        raise Stopped("The stream of this job was removed.")
    return str(row["stream_id"])


def _begun(job: TranscodeJob, stream_id: str) -> Stream:
    stream: Stream | None = Stream.objects(stream_id=stream_id).first()
    if stream is not None:
        return stream
    media = Media.objects(media_id=job.media_id).only("source_key", "filename", "size").first()
    source = (
        {"key": media.source_key, "filename": media.filename, "size": media.size}
        if media is not None
        else {}
    )
    Stream.objects(stream_id=stream_id).update_one(
        upsert=True,
        set_on_insert__media_id=job.media_id,
        set_on_insert__job_id=job.job_id,
        set_on_insert__folder=stream_id,
        set_on_insert__state=StreamState.building.value,
        set_on_insert__asked_at=job.created_at or now(),
        set_on_insert__created_at=now(),
        set_on_insert__source=source,
        set_on_insert__settings={"x264Preset": get_settings().x264_preset},
    )
    begun: Stream = Stream.objects(stream_id=stream_id).get()
    return begun


def note(stream: Stream, **fields: Any) -> None:
    """Writes facts of a stream that is being built: ``poster_key``, ``storyboard_key``,
    ``duration``. The media shows them too while it has no live stream."""
    values = {f"set__{name}": value for name, value in fields.items()}
    building = Stream.objects(stream_id=stream.stream_id, state=StreamState.building.value)
    if building.update_one(**values):
        Media.objects(media_id=stream.media_id, live_stream=None, master_key=None).update_one(
            **values
        )


def complete(
    stream: Stream, job: TranscodeJob, *, master: str, files: Mapping[str, int]
) -> Stream | None:
    """Notes that all files of a stream are there and were checked; None where it was removed.

    ``files``: bytes of each, by key. What was noted first stays.
    """
    Stream.objects(stream_id=stream.stream_id, complete_at=None, state="building").update_one(
        set__complete_at=now(),
        set__master=master,
        set__files=len(files),
        set__size=sum(files.values()),
        set__duration=job.duration,
        set__renditions=[dict(rendition) for rendition in job.renditions],
    )
    there: Stream | None = Stream.objects(
        stream_id=stream.stream_id, complete_at__ne=None, state__ne=StreamState.removed.value
    ).first()
    return there
