"""A media: an uploaded source and what became of it."""

from typing import Any, ClassVar

from mongoengine import (
    DateTimeField,
    DictField,
    Document,
    FloatField,
    IntField,
    ListField,
    LongField,
    StringField,
)


class Media(Document):
    """``source`` is a dumped ``SourceInfo`` once probed; the keys are names in the bucket.

    ``size`` and ``stream_size`` (of the published segments) are in bytes.
    ``master_key`` is set when a stream is complete, and only then is the media playable.
    ``master_subtitles`` are the ids of what its master lists, ``master_version`` counts how often
    it was written; ``subtitles_due`` is set, to a new word each time, while the subtitles may have
    changed and nobody has seen to it.
    """

    media_id = StringField(required=True, unique=True)
    filename = StringField(required=True)
    source_key = StringField(required=True, unique=True)
    size = IntField(required=True)
    content_type = StringField()
    title_id = StringField()
    uploaded_by = StringField()
    created_at = DateTimeField(required=True)
    source = DictField()
    duration = FloatField()
    poster_key = StringField()
    storyboard_key = StringField()
    master_key = StringField()
    renditions = DictField()
    stream_size = LongField()
    published_at = DateTimeField()
    jobs_made = IntField(default=0)
    master_subtitles = ListField(StringField())
    master_version = IntField(default=0)
    subtitle_languages = ListField(StringField())
    subtitles_due = StringField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": "media",
        "indexes": [
            "title_id",
            "-created_at",
            # Holds all that is summed up over all media.
            ("size", "stream_size"),
            ("master_key", "-published_at"),
            {"fields": ["subtitles_due"], "sparse": True},
        ],
        "auto_create_index": False,
    }
