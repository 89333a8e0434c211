"""A subtitle of a media: a file that somebody attached, or a text track of the source."""

from typing import Any, ClassVar

from mongoengine import (
    BooleanField,
    DateTimeField,
    Document,
    FloatField,
    IntField,
    ListField,
    StringField,
)


class Subtitle(Document):
    """``source_key`` is the file as it came in; ``given_language`` (a BCP 47 tag) and
    ``given_label`` are what is known of it without reading, ``title`` is what its source calls it.
    ``forced`` tracks are shown without being chosen; those for the ``hearing_impaired`` tell of
    sounds too.

    ``language``, ``label``, ``folder`` (of the stream) and ``cues`` (their number) are known once
    it was read; ``left_out`` has sentences, with the line, on what of it could not be.
    ``published_at`` is set when all its files are in the stream, ``problem`` says why it cannot be;
    ``film_seconds`` is the length of the film that they were made for. ``upload_for`` is the job
    under which its upload was last made. A row with ``removed_at`` is deleted as soon as no master
    lists it.
    """

    subtitle_id = StringField(required=True, unique=True)
    media_id = StringField(required=True)
    filename = StringField(required=True)
    source_key = StringField(required=True)
    size = IntField(default=0)
    origin = StringField(required=True, choices=["attached", "source"])
    stream_index = IntField()
    given_language = StringField()
    given_label = StringField()
    title = StringField()
    forced = BooleanField(default=False)
    hearing_impaired = BooleanField(default=False)
    language = StringField()
    label = StringField()
    folder = StringField()
    cues = IntField()
    left_out = ListField(StringField())
    film_seconds = FloatField()
    problem = StringField()
    upload_for = StringField()
    created_by = StringField()
    created_at = DateTimeField(required=True)
    published_at = DateTimeField()
    removed_at = DateTimeField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": "subtitles",
        "indexes": [("media_id", "created_at")],
        "auto_create_index": False,
    }
