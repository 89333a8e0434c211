"""Takes work from workers that went silent: it waits again, or has failed where that is too often.

Many units at a time, each by a conditional update of its own, which a renewal or a new claim makes
do nothing. What waits again gets its new message in the same update: it was under way before, so
no more of its job is out than was. A process that is killed in between leaves rows that wait for a
message that was never sent, and the next pass finds those.
"""

from collections.abc import Mapping
from typing import Any

from tasks.errors import Category, WorkError
from tasks.jobs.lifecycle.creating import send_messages
from tasks.jobs.lifecycle.fields import OPEN_LEASE, error_fields
from tasks.jobs.transition import Change, Row, move
from tasks.models import Status, WorkUnit, stored
from tasks.queue import broker
from tasks.settings import get_settings

WHO = "reconciler"
_READ = dict.fromkeys(("job_id", "status", "lease", "lost", "lost_in_a_row"), 1)


def take_from_lost_workers(unit_cls: type[WorkUnit], leases: Mapping[str, str | None]) -> list[Row]:
    """Takes units from workers whose lease ran out; the rows that were taken, waiting or failed.

    ``leases``: job id → token of the lease that ran out, None for an active unit without one, which
    counts as lost too. Raises PyMongoError.
    """
    waiting, failing = [], []
    for row in stored.collection(unit_cls).find({"job_id": {"$in": list(leases)}}, _READ):
        lease = row.get("lease") or {}
        if row["status"] != Status.active or lease.get("token") != leases[row["job_id"]]:
            continue
        losses = {
            "lost": (row.get("lost") or 0) + 1,
            "lost_in_a_row": (row.get("lost_in_a_row") or 0) + 1,
        }
        if losses["lost_in_a_row"] >= get_settings().max_attempts:
            failing.append(_given_up(row["job_id"], lease, losses))
        else:
            waiting.append(_waits_again(row["job_id"], lease, losses))
    failed = move(unit_cls, failing, Status.failed, who=WHO)
    taken = move(unit_cls, waiting, Status.waiting, who=WHO)
    # Another process may have moved one on already.
    sent = {change.job_id: change.fields["message_id"] for change in waiting}
    due = [row for row in taken if row.get("message_id") == sent[row["job_id"]]]
    send_messages(due)
    return [*taken, *failed]


def _waits_again(job_id: str, lease: Mapping[str, Any], losses: Mapping[str, int]) -> Change:
    why = f"Its worker {lease['worker']} went silent." if lease else "It had no worker."
    fields = {**losses, "message_id": broker.new_message_id(), "enqueued_at": "$$NOW", **OPEN_LEASE}
    return Change(_out(job_id, lease), fields, why)


def _given_up(job_id: str, lease: Mapping[str, Any], losses: Mapping[str, int]) -> Change:
    error = WorkError(
        f"Given up: {losses['lost_in_a_row']} workers in a row went silent while doing this.",
        category=Category.lost_worker,
    )
    fields = {
        **losses,
        "finished_at": "$$NOW",
        "message_id": None,
        **OPEN_LEASE,
        **error_fields(error),
    }
    return Change(_out(job_id, lease), fields, error.sentence)


def _out(job_id: str, lease: Mapping[str, Any]) -> dict[str, Any]:
    query = {"job_id": job_id, "status": Status.active.value}
    if not lease:
        return {**query, "lease": None}
    expired = {"$expr": {"$lt": ["$lease.expires_at", "$$NOW"]}}
    return {**query, "lease.token": lease["token"], **expired}
