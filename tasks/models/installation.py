"""This installation: all processes that share one database."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, Document, StringField


class Installation(Document):
    """One row. ``installation_id`` is what its mark in the bucket says, too."""

    key = StringField(primary_key=True)
    installation_id = StringField(required=True)
    made_at = DateTimeField(required=True)

    meta: ClassVar[dict[str, Any]] = {
        "collection": "installation",
        "indexes": [],
        "auto_create_index": False,
    }
