"""The backlog of one hour: the most that waited, and the longest that anything had waited."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, DictField, Document

#: Seconds for which hours are kept: a little more than the month that is shown.
KEPT_SECONDS = 32 * 24 * 3600


class BacklogHour(Document):
    """``waiting`` (messages) and ``oldest`` (seconds) map ``transcode`` and ``upload`` to peaks.

    ``at`` is the beginning of the hour, UTC.
    """

    at = DateTimeField(required=True)
    waiting = DictField()
    oldest = DictField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": "backlog_hours",
        "indexes": [{"fields": ["at"], "unique": True, "expireAfterSeconds": KEPT_SECONDS}],
        "auto_create_index": False,
    }
