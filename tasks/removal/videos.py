"""Deletes videos whole: rows, source, streams, subtitles, modules and shares.

A deletion is accepted by one row a video; then the video is gone for everybody. Its files and the
other rows are removed by the reconciler, as often as it takes.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from tasks import keys
from tasks.errors import StorageFailed
from tasks.feed import events
from tasks.infra.source_cache import forget
from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.models import (
    UNFINISHED,
    DeletedVideo,
    Media,
    Share,
    Stream,
    Subtitle,
    TrainingModule,
    TranscodeJob,
    UploadJob,
)
from tasks.models.clock import now
from tasks.records import audit
from tasks.removal.emptying import empty
from tasks.removal.parts import remove_parts
from tasks.removal.removed import Removed
from tasks.settings import get_settings
from tasks.streams import live_of

log = logging.getLogger(__name__)

#: Seconds beyond a lease until a worker that was cancelled has surely stopped to write.
STILL_WRITES_SECONDS = 30.0
WHY = "Its video was deleted."


def delete_videos(media_ids: Sequence[str], who: str) -> list[str]:
    """Accepts the deletion of videos; returns the ids of those that were there.

    Raises PyMongoError.
    """
    lines = []
    for media in Media.objects(media_id__in=list(media_ids)):
        DeletedVideo.objects(media_id=media.media_id).update_one(
            upsert=True,
            set_on_insert__filename=media.filename,
            set_on_insert__source_keys=[media.source_key, *media.former_sources],
            set_on_insert__who=who,
            set_on_insert__at=now(),
        )
        lines.append(audit.Line(media.media_id, f"{media.name or media.filename} was deleted."))
    deleted = [line.target for line in lines]
    Media.objects(media_id__in=deleted).delete()
    audit.record_many(who, "delete", lines, kind="media")
    for media_id in deleted:
        events.publish("mediaDeleted", kind="media", mediaId=media_id)
    return deleted


def finish_deletions(beat: Callable[[], None] = lambda: None) -> int:
    """Removes what is left of deleted videos; returns how many are gone now.

    ``beat`` is called before each. What fails is tried again by the next call. Raises
    PyMongoError.
    """
    gone = 0
    for video in DeletedVideo.objects.order_by("at"):
        beat()
        try:
            gone += finish(video)
        except StorageFailed as error:
            if video.problem != error.sentence:
                log.warning("%s is not removed yet: %s", video.media_id, error.sentence)
                DeletedVideo.objects(media_id=video.media_id).update_one(
                    set__problem=error.sentence
                )
    return gone


def remove_former_sources() -> int:
    """Removes sources that were replaced, where the live stream is one of the new source already.

    Returns how many. Raises NotOwner, StorageFailed, PyMongoError.
    """
    removed = 0
    for media in Media.objects(__raw__={"former_sources": {"$gt": ""}}):
        live = live_of(media)
        if live is None or (live.source or {}).get("key") != media.source_key:
            continue
        own = [key for key in media.former_sources if key.startswith(keys.sources())]
        get_storage().delete(own)
        Media.objects(media_id=media.media_id).update_one(
            pull_all__former_sources=media.former_sources
        )
        log.info("%s: %d former sources removed", media.media_id, len(own))
        removed += len(own)
    return removed


def finish(video: DeletedVideo) -> bool:
    """Removes what is left of one; whether nothing can be left any more. Raises StorageFailed."""
    media_id = video.media_id
    if video.sweep_at is not None and video.sweep_at > now() and not _rows(media_id):
        return False
    Media.objects(media_id=media_id).delete()
    if _cancel(video.media_id) and video.sweep_at is None:
        seconds = get_settings().lease_seconds + STILL_WRITES_SECONDS
        video.sweep_at = now() + timedelta(seconds=seconds)
        DeletedVideo.objects(media_id=media_id).update_one(set__sweep_at=video.sweep_at)
    jobs = sorted({*video.job_ids, *TranscodeJob.objects(media_id=media_id).scalar("job_id")})
    # A later call has no rows to know their work areas by.
    DeletedVideo.objects(media_id=media_id).update_one(set__job_ids=jobs)
    own = (key for key in video.source_keys if key.startswith(keys.sources()))
    folders = [keys.media_sources(media_id), keys.video(media_id), *map(keys.work, jobs)]
    outside = [key for key in own if not key.startswith(folders[0])]
    removed = empty({media_id: [*folders, *outside]})[media_id]
    if not isinstance(removed, Removed):
        raise removed
    forget(media_id)
    remove_parts(jobs)
    for model in (TranscodeJob, UploadJob, Stream, Subtitle, TrainingModule, Share):
        model.objects(media_id=media_id).delete()
    if video.sweep_at is not None and video.sweep_at > now():
        return False
    DeletedVideo.objects(media_id=media_id).delete()
    log.info("%s (%s) is gone: %s", media_id, video.filename, removed.sentence())
    return True


def _rows(media_id: str) -> bool:
    models = (Media, TranscodeJob, UploadJob, TrainingModule)
    return any(model.objects(media_id=media_id).only("id").first() for model in models)


def _cancel(media_id: str) -> bool:
    """Cancels all work on a video; whether there was any."""
    found = False
    for model in (TranscodeJob, UploadJob, TrainingModule):
        rows = model.objects(media_id=media_id, status__in=UNFINISHED)
        for job_id in rows.scalar("job_id"):
            found = True
            try:
                lifecycle.cancel(model, job_id, "dailies", WHY)
            except (lifecycle.Conflict, lifecycle.NotFound):
                log.info("%s ended before it could be cancelled", job_id)
    return found
