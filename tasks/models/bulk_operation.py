"""One action on many jobs: the checked ones, or all that match a filter."""

from typing import Any, ClassVar

from mongoengine import BooleanField, DictField, IntField, ListField, StringField

from tasks.models.work import WorkUnit


class BulkOperation(WorkUnit):
    """A work unit of its own, so that it goes on after a worker was killed.

    It walks the matching jobs by their ids; ``position`` is the last one done. ``chosen`` is a
    filter in the words of the API, ``ids`` the checked jobs. ``results`` keeps, of the jobs that
    were skipped or failed, ``{jobId, outcome, reason}`` of the first few hundred.
    """

    unit_kind = "bulk"

    job_kind = StringField(required=True, choices=["transcode", "upload"])
    action = StringField(required=True)
    outputs = BooleanField(default=False)
    chosen = DictField()
    ids = ListField(StringField())
    who = StringField(required=True)
    total = IntField(default=0)
    done = IntField(default=0)
    skipped = IntField(default=0)
    failures = IntField(default=0)
    position = StringField()
    results = ListField(DictField())

    meta: ClassVar[dict[str, Any]] = {
        "collection": "bulk_operations",
        "indexes": ["status", "-created_at"],
        "auto_create_index": False,
    }
