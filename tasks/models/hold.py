"""A hold: a queue of which nothing new may start, or a worker that takes nothing new."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, Document, StringField


class Hold(Document):
    """``name`` is a queue's, or a worker's (host:pid); ``who`` is the person or token.

    ``key`` is ``kind:name``, so that a thing is held once.
    """

    key = StringField(primary_key=True)
    kind = StringField(required=True, choices=["queue", "worker"])
    name = StringField(required=True)
    who = StringField(required=True)
    at = DateTimeField(required=True)

    meta: ClassVar[dict[str, Any]] = {
        "collection": "holds",
        "indexes": [],
        "auto_create_index": False,
    }
