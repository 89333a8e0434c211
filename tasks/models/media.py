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
    ``name`` is what people call it, where they do; ``former_sources`` are the keys of sources that
    were replaced and may still be needed by the live stream's job.
    ``live_stream`` is the id of the stream that players get, and ``published_order`` the time at
    which the job of the newest one that was ever published by itself was asked for.
    ``tasks.streams`` alone writes them, and with them what follows from the live stream:
    ``master_key`` (set as long as there is one: only then is the media playable), ``renditions``
    (key of each one's playlist), poster, storyboard, duration, ``stream_size``, ``published_at``.
    ``master_stream`` and ``master_etag`` say which stream's master was written last, and its MD5;
    ``master_due`` since when it waits to be written, where it does.
    ``master_subtitles`` are the ids of what its master lists, ``master_version`` counts how often
    it was written; ``subtitles_due`` is set, to a new word each time, while the subtitles may have
    changed and nobody has seen to it.
    """

    media_id = StringField(required=True, unique=True)
    filename = StringField(required=True)
    name = StringField()
    source_key = StringField(required=True, unique=True)
    former_sources = ListField(StringField())
    size = IntField(required=True)
    content_type = StringField()
    title_id = StringField()
    uploaded_by = StringField()
    created_at = DateTimeField(required=True)
    source = DictField()
    duration = FloatField()
    poster_key = StringField()
    storyboard_key = StringField()
    live_stream = StringField()
    published_order = DateTimeField()
    master_stream = StringField()
    master_etag = StringField()
    master_due = DateTimeField()
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
            {"fields": ["master_due"], "sparse": True},
            {"fields": ["former_sources"], "sparse": True},
        ],
        "auto_create_index": False,
    }
