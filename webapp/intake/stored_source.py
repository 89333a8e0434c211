"""A video that is in the bucket already: its media, made where nobody has named the file before."""

import re
import uuid
from datetime import UTC, datetime

from mongoengine.errors import NotUniqueError
from werkzeug.exceptions import RequestEntityTooLarge, UnprocessableEntity

from tasks import keys
from tasks.feed import events
from tasks.infra.storage import get_storage
from tasks.models import Media
from tasks.settings import get_settings
from webapp.deadline import in_time
from webapp.intake.file_names import shown_name

#: Files below sources/ lie in the folder of their media, or the next look at the bucket calls them
#: orphans.
_SOURCE = re.compile(rf"({keys.ID})/[^/]+")


def media_of(key: str, *, who: str) -> Media:
    """The media whose source lies under a key of the bucket.

    Raises UnprocessableEntity (a key that is none, or of no file, or of something else than a
    source), RequestEntityTooLarge, StorageFailed, PyMongoError.
    """
    with in_time():
        known: Media | None = Media.objects(source_key=key).first()
    if known is not None:
        return known
    media_id = _new_id(key)
    info = get_storage().head(key)
    if info is None:
        raise UnprocessableEntity("There is no file with this s3Key.")
    if info.size == 0:
        raise UnprocessableEntity("The file with this s3Key is empty.")
    limit = get_settings().max_upload_bytes
    if info.size > limit:
        raise RequestEntityTooLarge(f"The file is larger than the {limit:,} bytes allowed here.")
    media = Media(
        media_id=media_id,
        filename=shown_name(key),
        source_key=key,
        size=info.size,
        content_type=info.content_type,
        uploaded_by=who,
        created_at=datetime.now(UTC),
    )
    with in_time():
        try:
            media.save(force_insert=True)
        except NotUniqueError:
            # Somebody else has named the same file meanwhile, or put another one into the folder.
            found: Media | None = Media.objects(source_key=key).first()
            if found is None:
                raise _of_another() from None
            return found
    events.publish("mediaChanged", kind="media", mediaId=media_id)
    return media


def _new_id(key: str) -> str:
    """The id for the media of a file that nobody has named. Raises UnprocessableEntity."""
    steps = key.split("/")
    if not key.isprintable() or any(step in ("", ".", "..") for step in steps):
        raise UnprocessableEntity("This s3Key is not the key of a file.")
    if key.startswith((keys.work_areas(), keys.streams())):
        raise UnprocessableEntity("This s3Key is not that of a source, but of something made here.")
    if not key.startswith(keys.sources()):
        return str(uuid.uuid4())
    match = _SOURCE.fullmatch(key.removeprefix(keys.sources()))
    if match is None:
        raise UnprocessableEntity(f"Sources lie under {keys.sources()}<id>/, each with an id.")
    with in_time():
        if Media.objects(media_id=match[1]).first() is not None:
            raise _of_another()
    return match[1]


def _of_another() -> UnprocessableEntity:
    return UnprocessableEntity("This s3Key belongs to another video.")
