"""A transcode job: one media made into streams. Its steps and upload jobs do the work."""

from enum import StrEnum
from typing import Any, ClassVar

from mongoengine import (
    BooleanField,
    DictField,
    FloatField,
    IntField,
    ListField,
    StringField,
)

from tasks.models import list_indexes
from tasks.models.work import WorkUnit


class Phase(StrEnum):
    """The four stretches of a job's way, in order."""

    splitting = "splitting"
    transcoding = "transcoding"
    merging = "merging"
    uploading = "uploading"


class TranscodeJob(WorkUnit):
    """The parent of steps and upload jobs; ``tasks.jobs.advance`` moves it on.

    ``phases`` maps a Phase to its progress 0 to 100, ``speed`` is in seconds of film a second,
    ``renditions`` a list of ``{name, label, width, height, bandwidth, average_bandwidth, size,
    segments, segments_done}`` (bits a second, bytes). ``stream_id`` is the stream that it builds
    (``tasks.streams.of_job``); after a clean-up the next attempt builds another.
    """

    unit_kind = "transcode"

    media_id = StringField(required=True)
    stream_id = StringField()
    name = StringField(required=True)
    filename = StringField()
    resource_type = StringField(choices=["film", "season", "episode"])
    resource_id = StringField()
    resource_name = StringField()
    client_id = StringField()
    created_by = StringField()

    phase = StringField(choices=[p.value for p in Phase], default=Phase.splitting)
    phases = DictField()
    detail = StringField(default="")
    plan = DictField()
    duration = FloatField()
    chunks_total = IntField(default=0)
    chunks_done = IntField(default=0)
    speed = FloatField()
    eta_seconds = FloatField()
    renditions = ListField(DictField())
    subtitle_languages = ListField(StringField())
    facet = StringField()
    day = StringField()
    term_pairs = ListField(StringField())
    terms_line = StringField()
    #: Who cleans it up or deletes it, until ``cleaning_until``: a bulk operation's id, or a word.
    cleaning_by = StringField()
    retrying = BooleanField(default=False)
    retry_only = ListField(StringField())

    meta: ClassVar[dict[str, Any]] = {
        "collection": "transcode_jobs",
        "indexes": [
            "media_id",
            *list_indexes.TRANSCODE.every(),
        ],
        "auto_create_index": False,
    }
