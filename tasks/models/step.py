"""A step of a transcode job that has a queue message of its own."""

from enum import StrEnum
from typing import Any, ClassVar

from mongoengine import DictField, FloatField, IntField, StringField

from tasks.models.work import WorkUnit


class StepKind(StrEnum):
    """What a step does."""

    SPLIT = "split"
    CHUNK = "chunk"
    AUDIO = "audio"
    MERGE = "merge"
    SUBTITLES = "subtitles"
    POSTER = "poster"


#: Kinds that run beside the encoding: a job whose step of these failed goes on without.
BESIDE = frozenset({StepKind.SUBTITLES, StepKind.POSTER})


class Step(WorkUnit):
    """Its ``job_id`` is made from the parent's, so that making it twice makes it once.

    ``frames`` and ``frames_done`` count output frames of a chunk; for audio they are milliseconds.
    ``speed`` is in seconds of film a second. ``result`` is what later steps need to know.
    ``part`` is what it will be as far as it is in the work area by now: ``{prefix, renditions,
    thumbnails}`` of a chunk or of the sound. The next attempt goes on from there.
    """

    unit_kind = "step"

    transcode_id = StringField(required=True)
    kind = StringField(required=True, choices=[k.value for k in StepKind])
    index = IntField(default=0)
    frames = IntField(default=0)
    frames_done = IntField(default=0)
    speed = FloatField()
    result = DictField()
    part = DictField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": "steps",
        "indexes": [("transcode_id", "kind", "index"), ("status", "transcode_id")],
        "auto_create_index": False,
    }
