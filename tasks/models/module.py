"""A training module: the analysis of a video as a work unit, and what it made of the video."""

from typing import Any, ClassVar

from mongoengine import (
    BooleanField,
    DateTimeField,
    DictField,
    FloatField,
    IntField,
    ListField,
    StringField,
)

from tasks.models.work import WorkUnit


class TrainingModule(WorkUnit):
    """``job_id`` is the module's id. Times inside of the video are in seconds from its start.

    Of the work: ``stages`` are ``{id, state, note, seconds}`` in order (``tasks.analysis.stages``),
    ``milestones`` those reached so far, ``{progress, name, at}``. What an attempt has found out is
    kept under keys of the bucket, so that the next one need not do it again: ``transcript_key``,
    and ``cuts`` where ``cuts_known``.

    Of the content: ``steps`` are ``{id, title, summary, start, end, picture_key}``; ``version``
    counts the edits, and an edit names the one that it began from. ``speech`` says in words what
    listened, ``rough`` that it errs often. ``usage`` is what a paid provider counted.
    """

    unit_kind = "analysis"

    media_id = StringField(required=True)
    name = StringField(required=True)
    filename = StringField()
    client_id = StringField()
    created_by = StringField()

    provider = StringField()
    stages = ListField(DictField())
    milestones = ListField(DictField())
    duration = FloatField()
    has_picture = BooleanField(default=False)
    transcript_key = StringField()
    cuts = ListField(FloatField())
    cuts_known = BooleanField(default=False)
    subtitle_id = StringField()

    language = StringField()
    speech = StringField()
    rough = BooleanField(default=False)
    words = IntField(default=0)
    title = StringField()
    summary = StringField()
    steps = ListField(DictField())
    usage = DictField()
    version = IntField(default=0)
    edited_at = DateTimeField()
    edited_by = StringField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": "training_modules",
        "indexes": [
            "media_id",
            ("-created_at", "-job_id"),
            ("status", "-created_at", "-job_id"),
            "-finished_at",
        ],
        "auto_create_index": False,
    }
