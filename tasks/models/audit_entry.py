"""One line of the audit log: who did what, on which, when, and what came of it."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, DictField, Document, StringField


class AuditEntry(Document):
    """``who`` is a person's e-mail or ``token:NAME``; ``result`` is ``done`` or ``refused``."""

    at = DateTimeField(required=True)
    who = StringField(required=True)
    action = StringField(required=True)
    kind = StringField()
    target = StringField()
    result = StringField(required=True, choices=["done", "refused"])
    detail = StringField(default="")
    data = DictField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": "audit",
        "indexes": ["-at", ("target", "-at"), ("who", "-at")],
        "auto_create_index": False,
    }
