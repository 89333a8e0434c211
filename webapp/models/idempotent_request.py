"""A POST that its client may send again: what was chosen while doing it, and what was answered."""

from mongoengine import BinaryField, DateTimeField, DictField, Document, IntField, StringField


class IdempotentRequest(Document):
    """``key`` is the SHA-256 of who asked, the route and the ``Idempotency-Key`` that was sent.

    So the one index that MongoDB always has keeps it unique. ``token`` and ``lease_until`` say
    which attempt is at it, ``fingerprint`` what was sent, ``chosen`` what must be the same in every
    attempt; ``status``, ``headers`` and ``body`` are the answer once there is one.
    """

    key = StringField(primary_key=True)
    who = StringField(required=True)
    route = StringField(required=True)
    token = StringField()
    lease_until = DateTimeField()
    attempts = IntField()
    fingerprint = StringField()
    chosen = DictField()
    status = IntField()
    headers = DictField()
    body = BinaryField()
    expires_at = DateTimeField(required=True)

    meta = {
        "collection": "idempotent_requests",
        "indexes": [{"fields": ["expires_at"], "expireAfterSeconds": 0}],
        "auto_create_index": False,
    }
