"""A link that signs a person in once."""

from mongoengine import DateTimeField, Document, StringField


class SignInLink(Document):
    """Kept as the SHA-256 of its secret; MongoDB removes it some time after it has expired."""

    digest = StringField(required=True, unique=True)
    user_id = StringField(required=True)
    created_at = DateTimeField(required=True)
    expires_at = DateTimeField(required=True)
    used_at = DateTimeField()

    meta = {
        "collection": "sign_in_links",
        "indexes": ["user_id", {"fields": ["expires_at"], "expireAfterSeconds": 86_400}],
        "auto_create_index": False,
    }
