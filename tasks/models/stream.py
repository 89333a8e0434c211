"""A stream: one encoding of a media's source by one job, in a folder of its own."""

from enum import StrEnum
from typing import Any, ClassVar

from mongoengine import (
    BooleanField,
    DateTimeField,
    DictField,
    Document,
    FloatField,
    IntField,
    ListField,
    LongField,
    StringField,
)

#: Seconds for which the row of a removed stream is kept: 30 days.
REMOVED_KEPT_SECONDS = 30 * 24 * 3600


class StreamState(StrEnum):
    """``building``: its job writes it; ``live``: players get it; ``retired``: it is complete, and
    players get another; ``removed``: its files are gone, or go now."""

    building = "building"
    live = "live"
    retired = "retired"
    removed = "removed"


class Stream(Document):
    """``tasks.streams`` alone writes it. Its files lie below ``keys.stream(media_id, folder)``;
    ``folder`` is the ``stream_id``, or "" for a stream that an earlier version made.

    ``asked_at`` is when its job was asked for: it orders the streams of a media. ``complete_at`` is
    set once, when all files are there and were checked; a stream without it is never published.
    Until then ``grown`` counts the segments of each rendition that can be watched, and
    ``playable_until`` is how far, in seconds; from ``growth_ended`` on its uploads alone write
    its playlists. ``files`` and ``size`` (bytes) count what it had when
    it was complete. ``master`` is its own master playlist, with URIs relative to its folder and
    without subtitles. ``renditions`` are those of its job, ``settings`` how it was encoded,
    ``source`` ``{key, filename, size}``; ``duration`` in seconds.
    Which stream of a media is live is said by the media's row; ``state`` follows it.
    """

    stream_id = StringField(required=True, unique=True)
    media_id = StringField(required=True)
    job_id = StringField()
    folder = StringField(default="")
    state = StringField(
        required=True,
        choices=[state.value for state in StreamState],
        default=StreamState.building.value,
    )
    asked_at = DateTimeField(required=True)
    created_at = DateTimeField(required=True)
    complete_at = DateTimeField()
    published_at = DateTimeField()
    published_by = StringField()
    retired_at = DateTimeField()
    removed_at = DateTimeField()

    renditions = ListField(DictField())
    files = IntField(default=0)
    size = LongField(default=0)
    duration = FloatField()
    settings = DictField()
    source = DictField()
    master = StringField()
    grown = DictField()
    playable_until = FloatField()
    growth_ended = BooleanField(default=False)
    poster_key = StringField()
    storyboard_key = StringField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": "streams",
        "indexes": [
            ("media_id", "asked_at"),
            "job_id",
            ("state", "retired_at"),
            {"fields": ["removed_at"], "expireAfterSeconds": REMOVED_KEPT_SECONDS},
        ],
        "auto_create_index": False,
    }
