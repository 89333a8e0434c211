"""Findings of a survey: one thing each that a rule calls drift."""

import sys
from dataclasses import dataclass
from datetime import datetime

from tasks.queue.messages import Message
from tasks.recovery.survey.reading import Row
from tasks.recovery.verdict import Rule, Situation


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule calls drift: little enough that there may be a hundred thousand.

    ``kind``: transcode, step, upload, bulk, analysis or message; ``ref``: the job id of the row, or
    that of the message. ``message_id``, ``worker``, ``lease`` (its token) and ``lease_until`` are
    what the row names, None where it names none. ``message``: the message that should not be there.
    Times are in UTC, without zone.
    """

    rule: Rule
    situation: Situation
    kind: str
    ref: str
    transcode_id: str | None
    since: datetime | None = None
    message: Message | None = None
    message_id: str | None = None
    worker: str | None = None
    lease: str | None = None
    lease_until: datetime | None = None


def of_row(
    rule: Rule,
    situation: Situation,
    kind: str,
    row: Row,
    transcode_id: str | None,
    since: datetime | None,
    message: Message | None = None,
) -> Finding:
    """The finding about a row, with what the row names."""
    lease = row.get("lease") or {}
    worker = lease.get("worker")
    return Finding(
        rule,
        situation,
        kind,
        row["job_id"],
        transcode_id,
        since,
        message,
        message_id=row.get("message_id"),
        # Few workers have many leases.
        worker=sys.intern(worker) if worker else None,
        lease=lease.get("token"),
        lease_until=lease.get("expires_at"),
    )
