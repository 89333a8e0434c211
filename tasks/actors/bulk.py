"""Bulk: one action on many jobs, in order of their ids, going on where another worker stopped.

Before a batch is begun, its ids are written into the operation's row, and with the next batch what
came of it. So whoever goes on after a worker was lost knows which jobs it may have done.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks.actors.bulk_counts import BulkCounts
from tasks.actors.heartbeat import Heartbeat
from tasks.control.actions import act_many
from tasks.control.done_before import done_before
from tasks.control.request import Request
from tasks.errors import Stopped
from tasks.feed.announce import announce
from tasks.jobs import lifecycle
from tasks.jobs.allowed import Action
from tasks.listing.job_filter import filter_of
from tasks.models import MODELS, Kind, stored
from tasks.models.bulk_operation import BulkOperation

#: Jobs of the first batch, and of any at most, and the seconds that one should take: between two
#: batches an operation can be stopped, and some jobs have thousands of files.
SMALLEST, BATCH = 25, 500
SHORT_SECONDS, LONG_SECONDS = 1.0, 3.0
#: Seconds between two events that tell how far it is.
TOLD_SECONDS = 0.5
_BY_ID = "job_id_1"


def run_bulk(operation: BulkOperation, beat: Heartbeat) -> Mapping[str, Any]:
    """Does what is left of an operation; the fields of its finished row."""
    request = Request(
        kind=Kind(operation.job_kind),
        action=Action(operation.action),
        who=operation.who,
        operation=operation.job_id,
        outputs=bool(operation.outputs),
    )
    tally = BulkCounts(operation)
    told = time.monotonic()
    pace = Pace()
    for ids in _batches(operation, pace):
        _note(operation, beat, tally, ids)
        if ids == operation.pending:
            before = done_before(request, ids)
            tally.done(before)
            ids = [job_id for job_id in ids if job_id not in set(before)]
        with pace:
            tally.add(act_many(request, ids))
        if time.monotonic() >= told + TOLD_SECONDS:
            told = time.monotonic()
            operation.progress = tally.progress
            announce(operation, "jobChanged")
    _note(operation, beat, tally, [])
    return tally.fields([]) | {"progress": 100.0}


class Pace:
    """``size`` is how many jobs the next batch should have, from what the last ones took."""

    def __init__(self) -> None:
        self.size = min(SMALLEST, BATCH)
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        took = time.monotonic() - self._began
        if took < SHORT_SECONDS:
            self.size = min(BATCH, 2 * self.size)
        elif took > LONG_SECONDS:
            self.size = max(1, self.size // 2)


def _note(
    operation: BulkOperation, beat: Heartbeat, tally: BulkCounts, pending: Sequence[str]
) -> None:
    """Writes what came of the last batch and which is next. Raises Stopped where none may be."""
    if beat.stop.is_set():
        pending = []
    fields = tally.fields(pending) | {"runner": operation.lease.token}
    if not lifecycle.renew(operation, fields):
        # Cancelled: what was done stays done, and is said.
        lifecycle.leave(operation, tally.fields([]))
        raise Stopped("Cancelled before the last job.")
    if beat.stop.is_set():
        raise Stopped("Stopped before the last job.")


def _batches(operation: BulkOperation, pace: Pace) -> Iterator[list[str]]:
    """The ids of the jobs not visited yet, in order; first those that may have been."""
    position = operation.position or ""
    if operation.pending:
        yield list(operation.pending)
        position = max(position, *operation.pending)
    if operation.ids:
        left = [job_id for job_id in sorted(operation.ids) if job_id > position]
        while left:
            ids, left = left[: pace.size], left[pace.size :]
            yield ids
        return
    model = MODELS[Kind(operation.job_kind)]
    collection = stored.collection(model)
    conditions = filter_of(operation.chosen).conditions(model)
    # In the order of their ids: any other index would sort all that match for each batch.
    hint = _BY_ID if _BY_ID in collection.index_information() else None
    while True:
        beyond = {"$and": [conditions, {"job_id": {"$gt": position}}]}
        rows = collection.find(beyond, {"job_id": 1}, hint=hint).sort("job_id", 1).limit(pace.size)
        ids = [row["job_id"] for row in rows]
        if not ids:
            return
        yield ids
        position = ids[-1]
