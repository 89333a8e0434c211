"""A video that is in the bucket already: its media, made where nobody has named the file before."""

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


def media_of(key: str, *, who: str) -> Media:
    """The media whose source lies under a key of the bucket.

    Raises UnprocessableEntity (a key that is none, or of no file, or of something else than a
    source), RequestEntityTooLarge, StorageFailed, PyMongoError.
    """
    with in_time():
        known: Media | None = Media.objects(source_key=key).first()
    if known is not None:
        return known
    _check(key)
    info = get_storage().head(key)
    if info is None:
        raise UnprocessableEntity("There is no file with this s3Key.")
    if info.size == 0:
        raise UnprocessableEntity("The file with this s3Key is empty.")
    limit = get_settings().max_upload_bytes
    if info.size > limit:
        raise RequestEntityTooLarge(f"The file is larger than the {limit:,} bytes allowed here.")
    media = Media(
        media_id=str(uuid.uuid4()),
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
            # Somebody else has named the same file meanwhile.
            found: Media = Media.objects.get(source_key=key)
            return found
    events.publish("mediaChanged", kind="media", mediaId=media.media_id)
    return media


def _check(key: str) -> None:
    """Raises UnprocessableEntity for a key that nobody may name."""
    steps = key.split("/")
    if not key.isprintable() or any(step in ("", ".", "..") for step in steps):
        raise UnprocessableEntity("This s3Key is not the key of a file.")
    if key.startswith((keys.work_areas(), keys.streams())):
        raise UnprocessableEntity("This s3Key is not that of a source, but of something made here.")
    prefixes = [prefix for prefix in get_settings().import_prefixes.split(",") if prefix]
    if key.startswith(keys.sources()) or not key.startswith(tuple(prefixes)):
        # Whatever else lies in the bucket is nobody's to read through a video.
        below = " or ".join(prefixes) or "no prefix (DAILIES_IMPORT_PREFIXES is empty)"
        raise UnprocessableEntity(f"This s3Key may not be named: imports lie below {below}.")
