"""What every work unit has: a status, a lease, a message, and a history.

Only ``tasks.jobs.lifecycle`` writes ``status``; everything else reads.
"""

from enum import StrEnum
from typing import Any, ClassVar

from mongoengine import (
    BooleanField,
    DateTimeField,
    Document,
    EmbeddedDocument,
    EmbeddedDocumentField,
    EmbeddedDocumentListField,
    FloatField,
    IntField,
    ListField,
    StringField,
)


class Status(StrEnum):
    """The states of a work unit."""

    waiting = "waiting"
    active = "active"
    completed = "completed"
    failed = "failed"
    cancelled = "cancelled"


#: What may follow a status. ``tasks.jobs.transition`` refuses anything else.
NEXT: dict[Status, frozenset[Status]] = {
    Status.waiting: frozenset({Status.active, Status.cancelled}),
    Status.active: frozenset({Status.waiting, Status.completed, Status.failed, Status.cancelled}),
    Status.completed: frozenset({Status.failed, Status.waiting}),
    Status.failed: frozenset({Status.waiting}),
    Status.cancelled: frozenset({Status.waiting}),
}

FINISHED = frozenset({Status.completed, Status.failed, Status.cancelled})
UNFINISHED = frozenset({Status.waiting, Status.active})
#: The same as plain values, for queries.
FINISHED_VALUES = sorted(status.value for status in FINISHED)
UNFINISHED_VALUES = sorted(status.value for status in UNFINISHED)


class Lease(EmbeddedDocument):
    """A worker's claim, renewed while it works. Times are the database server's (UTC)."""

    worker = StringField(required=True)
    token = StringField(required=True)
    expires_at = DateTimeField(required=True)


class Transition(EmbeddedDocument):
    """One line of a unit's history: ``who`` is a person, a token, a worker or ``reconciler``."""

    at = DateTimeField(required=True)
    status = StringField(required=True)
    who = StringField(required=True)
    why = StringField(default="")


class WorkUnit(Document):
    """The fields shared by transcode jobs, steps and upload jobs. Times are UTC."""

    meta: ClassVar[dict[str, Any]] = {"abstract": True}

    #: What events call this sort of unit.
    unit_kind = "work"

    job_id = StringField(required=True, unique=True)
    status = StringField(required=True, choices=[s.value for s in Status], default=Status.waiting)
    progress = FloatField(default=0.0, min_value=0, max_value=100)
    attempt = IntField(default=0)
    #: Workers that went silent while doing it, all of them and those since an attempt last ended.
    lost = IntField(default=0)
    lost_in_a_row = IntField(default=0)
    message_id = StringField()
    queue_name = StringField()
    lease = EmbeddedDocumentField(Lease)
    failed_reason = StringField()
    error_message = StringField()
    error_log = StringField()
    can_cancel = BooleanField(default=True)
    cancelled_at = DateTimeField()
    created_at = DateTimeField()
    enqueued_at = DateTimeField()
    #: A sentence: why it waits and has no message yet, where that is worth saying.
    waits_for = StringField()
    next_attempt_at = DateTimeField()
    started_at = DateTimeField()
    finished_at = DateTimeField()
    updated_at = DateTimeField()
    history = EmbeddedDocumentListField(Transition)
    cleaning_until = DateTimeField()
    #: Folded words by which a search finds the unit.
    terms = ListField(StringField())
    last_op = StringField()

    @property
    def parent_id(self) -> str | None:
        """The transcode job that the unit is a part of, or None."""
        return getattr(self, "transcode_id", None)

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen to the unit by itself."""
        return self.status in FINISHED
