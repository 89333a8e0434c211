"""The state machine: the only code that changes a work unit's status.

``waiting → active → completed | failed | cancelled``, ``active → waiting`` (tried again later, or
its worker was lost), ``failed | cancelled → waiting`` (retried by hand), ``completed → failed``
(its files are missing from the bucket), and for a step alone ``completed → waiting`` (its output
was found unusable).

A transition is one conditional update of one document, judged by the database server's clock, so
that exactly one of several contenders wins, and the others learn that they lost.

A transition takes the ids of units and answers with the rows that it changed, in few round trips;
one unit is a batch of one. ``retry`` and ``cancel`` take one id, and raise where the batch of it
changed nothing.
"""

from tasks.jobs.lifecycle.cancelling import cancel, cancel_children, cancel_many
from tasks.jobs.lifecycle.cleaning import disprove, end_cleanup, hold, let_go, remove
from tasks.jobs.lifecycle.creating import create, enqueue, replace_messages, say_why_it_waits
from tasks.jobs.lifecycle.jobs import activate, complete_job, fail_jobs, update_job
from tasks.jobs.lifecycle.leases import claim, complete, fail, leave, put_back, renew, retry_later
from tasks.jobs.lifecycle.lost import take_from_lost_workers
from tasks.jobs.lifecycle.refusals import (
    BEING_REMOVED,
    Conflict,
    NotFound,
    find,
    not_found,
    refused,
    why_not,
)
from tasks.jobs.lifecycle.retrying import redo, resume, retry, retry_many

__all__ = [
    "BEING_REMOVED",
    "Conflict",
    "NotFound",
    "activate",
    "cancel",
    "cancel_children",
    "cancel_many",
    "claim",
    "complete",
    "complete_job",
    "create",
    "disprove",
    "end_cleanup",
    "enqueue",
    "fail",
    "fail_jobs",
    "find",
    "hold",
    "leave",
    "let_go",
    "not_found",
    "put_back",
    "redo",
    "refused",
    "remove",
    "renew",
    "replace_messages",
    "resume",
    "retry",
    "retry_later",
    "retry_many",
    "say_why_it_waits",
    "take_from_lost_workers",
    "update_job",
    "why_not",
]
