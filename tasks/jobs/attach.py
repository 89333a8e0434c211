"""Attaching and deleting subtitles: what people and programs ask for."""

import uuid

from tasks import keys
from tasks.feed import events
from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.jobs.advance import advance
from tasks.models import UNFINISHED_VALUES, Media, Subtitle, UploadJob
from tasks.models.clock import now
from tasks.subtitles.changes import drop, mark_due, mark_seen
from tasks.subtitles.tracks import owner_of


def attach(
    media: Media,
    filename: str,
    data: bytes,
    *,
    who: str,
    language: str | None = None,
    label: str | None = None,
) -> Subtitle:
    """Keeps a file as a subtitle of the media, and starts its upload where there is a stream.

    ``filename`` ends in .vtt or .srt, ``language`` is a BCP 47 tag. Whether the file can be read
    shows in its upload job. Raises StorageFailed.
    """
    subtitle_id = str(uuid.uuid4())
    ending = filename[filename.rfind(".") :].lower()
    key = keys.subtitle_source(media.media_id, subtitle_id, f"subtitle{ending}")
    get_storage().put_bytes(key, data, keys.content_type(key))
    subtitle = Subtitle(
        subtitle_id=subtitle_id,
        media_id=media.media_id,
        filename=filename,
        source_key=key,
        size=len(data),
        origin="attached",
        given_language=language,
        given_label=label,
        created_by=who,
        created_at=now(),
    )
    subtitle.save(force_insert=True)
    _see_to(media.media_id)
    return subtitle


def remove(media_id: str, subtitle_id: str, who: str) -> None:
    """Deletes a subtitle: its master forgets it first, then its files go. Raises NotFound."""
    subtitle = Subtitle.objects(media_id=media_id, subtitle_id=subtitle_id, removed_at=None).modify(
        set__removed_at=now(), new=True
    )
    if subtitle is None:
        raise lifecycle.NotFound("There is no such subtitle.")
    uploads = UploadJob.objects(subtitle_id=subtitle_id, status__in=UNFINISHED_VALUES)
    ids = uploads.scalar("job_id")
    lifecycle.cancel_many(UploadJob, ids, who, "Its subtitle was deleted.")
    if not subtitle.published_at:
        drop(subtitle)
    _see_to(media_id)


def _see_to(media_id: str) -> None:
    word = mark_due(media_id)
    owner = owner_of(media_id)
    if owner is not None:
        advance(owner)
    else:
        # There is no stream yet: the job that makes it sees to all subtitles.
        mark_seen(media_id, word)
    events.publish("mediaChanged", kind="media", mediaId=media_id)
