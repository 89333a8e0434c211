"""The record of one migration: that it ran, or how far it is."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, Document, EmbeddedDocumentField, IntField, StringField

from tasks.models.work import Lease


class MigrationRecord(Document):
    """``name`` is the file's, as ``0001_facets_of_jobs``; ``lease`` belongs to who runs it.

    ``total`` counts the rows to change when it began, ``remaining`` those still to change.
    ``error`` is one sentence, of the last attempt.
    """

    name = StringField(primary_key=True)
    started_at = DateTimeField()
    finished_at = DateTimeField()
    total = IntField(default=0)
    remaining = IntField(default=0)
    error = StringField()
    lease = EmbeddedDocumentField(Lease)

    meta: ClassVar[dict[str, Any]] = {
        "collection": "migrations",
        "indexes": [],
        "auto_create_index": False,
    }
