"""One action on many jobs: the checked ones, or all that match a filter."""

from typing import Any, ClassVar

from mongoengine import BooleanField, DictField, IntField, ListField, StringField

from tasks.models.work import WorkUnit


class BulkOperation(WorkUnit):
    """A work unit of its own, so that it goes on after a worker was killed.

    It walks the matching jobs by their ids; ``position`` is the last one whose outcome is counted,
    ``pending`` the few after it that are being done now. ``chosen`` is a filter in the words of the
    API, ``ids`` the checked jobs.

    Of the jobs that were skipped or failed, ``reasons`` counts all as ``{outcome, reason, count}``,
    and ``results`` lists the first few hundred as ``{jobId, outcome, reason}``: a row has room for
    no more. ``runner`` is the lease that the work was last done under.
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
    pending = ListField(StringField())
    results = ListField(DictField())
    reasons = ListField(DictField())
    runner = StringField()

    meta: ClassVar[dict[str, Any]] = {
        "collection": "bulk_operations",
        "indexes": ["status", ("-created_at", "-job_id")],
        "auto_create_index": False,
    }
