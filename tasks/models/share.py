"""A share link: one video for whoever has the link, until a date."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, Document, StringField


class Share(Document):
    """The link itself is not kept: it is the signed ``share_id``."""

    share_id = StringField(primary_key=True)
    media_id = StringField(required=True)
    created_by = StringField(required=True)
    created_at = DateTimeField(required=True)
    expires_at = DateTimeField(required=True)
    revoked_at = DateTimeField()
    revoked_by = StringField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": "shares",
        "indexes": [
            ("media_id", "-created_at"),
            {"fields": ["expires_at"], "expireAfterSeconds": 30 * 86_400},
        ],
        "auto_create_index": False,
    }
