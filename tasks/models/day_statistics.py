"""What became of the jobs of one day that is over, kept so that it need not be counted anew."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, DictField, Document, StringField

#: Seconds for which days are kept: a little more than the month that is shown.
KEPT_SECONDS = 32 * 24 * 3600


class DayStatistics(Document):
    """``at`` is the beginning of the day (UTC), ``bucket`` the fields of a
    ``tasks.reports.statistics.Bucket``, ``counted_at`` when they were counted."""

    kind = StringField(required=True, choices=["transcode", "upload"])
    at = DateTimeField(required=True)
    counted_at = DateTimeField(required=True)
    bucket = DictField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": "day_statistics",
        "indexes": [
            {"fields": ("kind", "at"), "unique": True},
            {"fields": ["at"], "expireAfterSeconds": KEPT_SECONDS},
        ],
        "auto_create_index": False,
    }
