"""A token by which a program calls the API."""

from datetime import UTC, datetime

from mongoengine import DateTimeField, Document, ListField, StringField

from webapp.models.role import Role
from webapp.models.scope import Scope


class ApiToken(Document):
    """Only the SHA-256 of the secret is kept; ``prefix`` is its public beginning, to tell it by.

    A token with a ``user_id`` may never do more than that person, and goes when they go. Without
    ``scopes`` it may do all that its role may.
    """

    token_id = StringField(required=True, unique=True)
    name = StringField(required=True, unique=True, max_length=100)
    role = StringField(required=True, choices=[r.value for r in Role])
    scopes = ListField(StringField(choices=[s.value for s in Scope]))
    prefix = StringField(required=True)
    digest = StringField(required=True, unique=True)
    user_id = StringField()
    created_at = DateTimeField(required=True)
    expires_at = DateTimeField()
    last_used_at = DateTimeField()

    meta = {"collection": "api_tokens", "indexes": ["user_id"], "auto_create_index": False}

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)
