"""A video that was deleted and whose files and rows may not all be gone yet."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, Document, ListField, StringField


class DeletedVideo(Document):
    """Written before the media's row goes, and removed when nothing is left of the video.

    ``source_keys``: its source and former sources; ``job_ids``: its transcode jobs, as far as they
    were found. ``sweep_at``: set where work on the video was
    under way; a worker may write for a moment after it was cancelled, so the bucket is looked at
    once more then. ``problem``: why the last try to remove its files failed.
    """

    media_id = StringField(primary_key=True)
    filename = StringField(required=True)
    source_keys = ListField(StringField())
    job_ids = ListField(StringField())
    who = StringField(required=True)
    at = DateTimeField(required=True)
    sweep_at = DateTimeField()
    problem = StringField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": "deleted_videos",
        "indexes": [],
        "auto_create_index": False,
    }
