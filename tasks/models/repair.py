"""A repair: what was found amiss between rows, queue and bucket, and what was done about it."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, Document, StringField

#: Seconds for which repairs are kept: two weeks.
KEPT_SECONDS = 14 * 24 * 3600


class Repair(Document):
    """``who`` is ``reconciler`` or a person; ``rule`` an id of ``tasks.recovery.verdict``.

    ``kind`` and ``ref`` name what was repaired, as a ``tasks.recovery.drift_text.Drift`` does.
    """

    at = DateTimeField(required=True)
    who = StringField(required=True)
    rule = StringField(required=True)
    kind = StringField(required=True)
    ref = StringField(required=True)
    transcode_id = StringField()
    name = StringField()
    done = StringField(required=True)

    meta: ClassVar[dict[str, Any]] = {
        "collection": "repairs",
        "indexes": [{"fields": ["-at"], "expireAfterSeconds": KEPT_SECONDS}],
        "auto_create_index": False,
    }
