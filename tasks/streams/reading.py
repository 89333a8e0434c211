"""Finds streams, and says where their files are."""

import hashlib

from tasks import keys
from tasks.errors import StorageFailed
from tasks.models import Media, Status, Stream, StreamState, TranscodeJob
from tasks.models.clock import now


class NoSuchStream(Exception):
    """There is no such stream; the message names the id."""


class NoLiveRow(StorageFailed):
    """The media's row names a live stream that has no row: its master cannot be written."""


class NotPublishable(Exception):
    """The stream cannot be published; the message says why."""


def of_media(media: Media) -> list[Stream]:
    """The streams of a media that are not removed, the newest first."""
    live_of(media)
    rows = Stream.objects(media_id=media.media_id, state__ne=StreamState.removed.value)
    return list(rows.order_by("-asked_at", "-created_at"))


def find(media_id: str, stream_id: str) -> Stream:
    """One stream of a media that is not removed. Raises NoSuchStream."""
    stream: Stream | None = Stream.objects(
        media_id=media_id, stream_id=stream_id, state__ne=StreamState.removed.value
    ).first()
    if stream is None:
        raise NoSuchStream(f"There is no stream {stream_id!r} of this video.")
    return stream


def live_of(media: Media) -> Stream | None:
    """The stream that players of a media get, or None."""
    if not media.live_stream:
        return adopt(media) if media.master_key else None
    stream: Stream | None = Stream.objects(stream_id=media.live_stream).first()
    return stream


def prefix(stream: Stream) -> str:
    """Prefix of a stream's keys; of one with no folder of its own, more than the stream."""
    return keys.stream(stream.media_id, stream.folder)


def playlist_keys(stream: Stream) -> dict[str, str]:
    """The key of each rendition's playlist, by the rendition's name."""
    return {
        rendition["name"]: keys.stream(
            stream.media_id, stream.folder, rendition["name"], "playlist.m3u8"
        )
        for rendition in stream.renditions
    }


def adopt(media: Media) -> Stream | None:
    """The stream of a media that an earlier version published, as a row of its own.

    Its files stay where they are, directly below the media's prefix. None where another stream
    was published meanwhile.
    """
    stream_id = hashlib.sha256(f"adopted {media.media_id}".encode()).hexdigest()[:12]
    done = TranscodeJob.objects(media_id=media.media_id, status=Status.completed.value)
    job = done.only("job_id", "created_at", "renditions").order_by("-created_at").first()
    at = media.published_at or media.created_at or now()
    known = {} if job is None else {row.get("name"): dict(row) for row in job.renditions}
    Stream.objects(stream_id=stream_id).update_one(
        upsert=True,
        set_on_insert__media_id=media.media_id,
        set_on_insert__job_id=job.job_id if job is not None else None,
        set_on_insert__folder="",
        set_on_insert__state=StreamState.live.value,
        set_on_insert__asked_at=job.created_at if job is not None and job.created_at else at,
        set_on_insert__created_at=at,
        set_on_insert__complete_at=at,
        set_on_insert__published_at=at,
        set_on_insert__renditions=[
            known.get(name, {"name": name}) for name in media.renditions or {}
        ],
        set_on_insert__size=media.stream_size or 0,
        set_on_insert__duration=media.duration,
        set_on_insert__source={
            "key": media.source_key,
            "filename": media.filename,
            "size": media.size,
        },
        set_on_insert__poster_key=media.poster_key,
        set_on_insert__storyboard_key=media.storyboard_key,
    )
    stream: Stream = Stream.objects(stream_id=stream_id).get()
    adopted = Media.objects(
        media_id=media.media_id, live_stream=None, master_key=media.master_key
    ).update_one(set__live_stream=stream_id, set__published_order=stream.asked_at)
    if job is not None:
        TranscodeJob.objects(job_id=job.job_id, stream_id=None).update_one(set__stream_id=stream_id)
    if not adopted:
        there = Media.objects(media_id=media.media_id).only("live_stream").first()
        if there is None or there.live_stream != stream_id:
            Stream.objects(stream_id=stream_id, published_by=None).delete()
            return None
    media.live_stream = stream_id
    return stream
