"""The state machine: the only code that changes a work unit's status.

``waiting → active → completed | failed | cancelled``, ``active → waiting`` (tried again later, or
its worker was lost), ``failed | cancelled → waiting`` (retried by hand), ``completed → failed``
(its files are missing from the bucket), and for a step alone ``completed → waiting`` (its output
was found unusable).

A transition is one conditional update of one document, judged by the database server's clock, so
that exactly one of several contenders wins, and the others learn that they lost.
"""

from tasks.jobs.lifecycle.afterwards import cleaned, disprove, holding, letting_go, remove
from tasks.jobs.lifecycle.again import redo, resume, resuming, retry, retrying
from tasks.jobs.lifecycle.beginning import create, enqueue, enqueuing, say_why_it_waits
from tasks.jobs.lifecycle.ending import cancel, cancel_children, cancelling
from tasks.jobs.lifecycle.fields import ATTEMPT
from tasks.jobs.lifecycle.jobs import (
    ACTIVATED,
    activate,
    complete_job,
    fail_job,
    failing,
    update_job,
)
from tasks.jobs.lifecycle.leases import claim, complete, fail, leave, put_back, renew, retry_later
from tasks.jobs.lifecycle.lost import take_from_lost_worker, take_from_lost_workers
from tasks.jobs.lifecycle.refusals import BEING_REMOVED, Conflict, NotFound, find

__all__ = [
    "ACTIVATED",
    "ATTEMPT",
    "BEING_REMOVED",
    "Conflict",
    "NotFound",
    "activate",
    "cancel",
    "cancel_children",
    "cancelling",
    "claim",
    "cleaned",
    "complete",
    "complete_job",
    "create",
    "disprove",
    "enqueue",
    "enqueuing",
    "fail",
    "fail_job",
    "failing",
    "find",
    "holding",
    "leave",
    "letting_go",
    "put_back",
    "redo",
    "remove",
    "renew",
    "resume",
    "resuming",
    "retry",
    "retry_later",
    "retrying",
    "say_why_it_waits",
    "take_from_lost_worker",
    "take_from_lost_workers",
    "update_job",
]
