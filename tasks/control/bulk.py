"""One action on many jobs, in the background: done, skipped with the reason, or failed."""

import uuid
from collections.abc import Sequence

from tasks.jobs import lifecycle
from tasks.jobs.allowed import Action
from tasks.listing.job_filter import JobFilter, after_everything, words_of
from tasks.listing.totals import count
from tasks.models import MODELS, Kind
from tasks.models.bulk_operation import BulkOperation
from tasks.models.clock import now
from tasks.queue import broker
from tasks.records import audit

#: Checked jobs that one operation may name; more are chosen by a filter.
MOST_IDS = 1000


def start(
    kind: Kind,
    action: Action,
    who: str,
    *,
    ids: Sequence[str] = (),
    chosen: JobFilter | None = None,
    outputs: bool = False,
) -> BulkOperation:
    """Accepts an operation on ``ids``, or on all that match ``chosen`` as of now.

    A job whose state does not allow the action is visited too, and skipped with the reason.
    """
    until = after_everything(chosen or JobFilter(), now())
    total = len(ids) if ids else count(MODELS[kind], until)
    operation = BulkOperation(
        job_id=str(uuid.uuid4()),
        queue_name=broker.BULK,
        job_kind=kind.value,
        action=action.value,
        outputs=outputs,
        chosen={} if ids else words_of(until),
        ids=list(ids),
        who=who,
        total=total,
    )
    asked = {"ids": list(ids)} if ids else {"filter": words_of(until)}
    audit.record(
        who,
        f"bulk {action.value}",
        kind=kind.value,
        target=operation.job_id,
        detail=f"{total:,} jobs",
        **asked,
    )
    lifecycle.create([operation], who=who, why=f"Asked for by {who}.", send=True)
    return operation
