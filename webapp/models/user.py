"""A person who signs in."""

from mongoengine import (
    DateTimeField,
    Document,
    EmbeddedDocument,
    EmbeddedDocumentListField,
    StringField,
)

from webapp.models.role import Role


class Session(EmbeddedDocument):
    """One signed-in browser. The cookie carries ``key``; without this row it is worth nothing."""

    key = StringField(required=True)
    opened_at = DateTimeField(required=True)


class User(Document):
    """``email`` is in lower case. Without ``password_hash`` only a one-time link signs in."""

    user_id = StringField(required=True, unique=True)
    email = StringField(required=True, unique=True)
    role = StringField(required=True, choices=[r.value for r in Role])
    password_hash = StringField()
    sessions = EmbeddedDocumentListField(Session)
    created_at = DateTimeField(required=True)
    last_sign_in_at = DateTimeField()

    meta = {
        "collection": "users",
        "indexes": ["sessions.key", "role"],
        "auto_create_index": False,
    }
