"""What people may ask for a video: another name or title, and another source."""

from typing import Any

from tasks.feed import events
from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.jobs.submit import submit
from tasks.models import UNFINISHED, Media, Title, TranscodeJob
from tasks.records import audit
from tasks.streams import live_of


class NoSuchTitle(Exception):
    """There is no title with this id; the message names it."""


def change(media_id: str, changes: dict[str, Any], who: str) -> Media:
    """Renames a video (``name``, None for the name of its title or file), or moves it to another
    title (``title_id``, None for none); what is not named stays.

    Jobs that are made from now on have the new name. Raises NotFound, NoSuchTitle.
    """
    title_id = changes.get("title_id")
    if title_id is not None and Title.objects(title_id=title_id).first() is None:
        raise NoSuchTitle(f"There is no title {title_id!r}.")
    fields = {f"set__{name}": value for name, value in changes.items() if value is not None}
    fields |= {f"unset__{name}": True for name, value in changes.items() if value is None}
    if fields and not Media.objects(media_id=media_id).update_one(**fields):
        raise lifecycle.NotFound("There is no such video.")
    media: Media | None = Media.objects(media_id=media_id).first()
    if media is None:
        raise lifecycle.NotFound("There is no such video.")
    if fields:
        said = ", ".join(f"{name}: {value}" for name, value in changes.items())
        audit.record(who, "change", kind="media", target=media_id, detail=said)
        events.publish("mediaChanged", kind="media", mediaId=media_id)
    return media


def replace_source(
    media: Media, *, key: str, filename: str, size: int, content_type: str, who: str
) -> TranscodeJob:
    """Gives a video another source, which lies under ``key``, and starts to encode it.

    The live stream plays until the new one is live; the former source is kept as long. Unfinished
    jobs of the former source are cancelled. Raises Conflict where somebody else replaced it
    meanwhile or the video was deleted; then the new file is removed.
    """
    # A stream of an earlier version gets its row now, with the source that it was made of.
    live_of(media)
    former = media.source_key
    done = Media.objects(media_id=media.media_id, source_key=former).update_one(
        set__source_key=key,
        set__filename=filename,
        set__size=size,
        set__content_type=content_type,
        set__source={},
        push__former_sources=former,
    )
    if not done:
        get_storage().delete([key])
        raise lifecycle.Conflict("The video was deleted, or its source was replaced, meanwhile.")
    unfinished = TranscodeJob.objects(media_id=media.media_id, status__in=UNFINISHED)
    for job_id in unfinished.scalar("job_id"):
        try:
            lifecycle.cancel(TranscodeJob, job_id, who, "The source of its video was replaced.")
        except lifecycle.Conflict:
            continue
    audit.record(
        who,
        "replace source",
        kind="media",
        target=media.media_id,
        detail=f"{media.filename} was replaced by {filename}.",
    )
    events.publish("mediaChanged", kind="media", mediaId=media.media_id)
    changed: Media = Media.objects(media_id=media.media_id).get()
    return submit(changed, who=who)
