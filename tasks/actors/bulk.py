"""Bulk: one action on many jobs, in order of their ids, going on where another worker stopped."""

from collections.abc import Iterator, Mapping
from typing import Any

from tasks import lifecycle
from tasks.actors.heartbeat import Heartbeat
from tasks.control.actions import MODELS, act
from tasks.control.allowed import ALLOWED, Action, Kind
from tasks.errors import Stopped, StorageFailed
from tasks.jobs_query import filter_of
from tasks.models.bulk_operation import BulkOperation

#: Jobs that were skipped or failed and are listed one by one.
RESULTS_KEPT = 500
#: Jobs read at a time.
BATCH = 500


def run_bulk(operation: BulkOperation, beat: Heartbeat) -> Mapping[str, Any]:
    """Does what is left of an operation; the fields of its finished row."""
    tally = _Tally(operation)
    kind, action = Kind(operation.job_kind), Action(operation.action)
    for job_id, status in _left(operation):
        if beat.stop.is_set():
            lifecycle.renew(operation, tally.fields())
            raise Stopped("Stopped before the last job.")
        if status is not None and status not in {s.value for s in ALLOWED[action]}:
            tally.skipped(job_id, f"This job is {status}.")
        else:
            _one(operation, kind, action, job_id, tally)
        beat.report(**tally.fields())
    return tally.fields()


def _one(
    operation: BulkOperation, kind: Kind, action: Action, job_id: str, tally: "_Tally"
) -> None:
    try:
        act(kind, action, job_id, operation.who, outputs=operation.outputs)
    except (lifecycle.Conflict, lifecycle.NotFound) as error:
        tally.skipped(job_id, str(error))
    except StorageFailed as error:
        tally.failed(job_id, error.sentence)
    else:
        tally.done(job_id)


def _left(operation: BulkOperation) -> Iterator[tuple[str, str | None]]:
    """(job id, status) of the jobs not visited yet, by id; the status of checked ones is None."""
    if operation.ids:
        yield from ((i, None) for i in sorted(operation.ids) if i > (operation.position or ""))
        return
    model = MODELS[Kind(operation.job_kind)]
    conditions = filter_of(operation.chosen).conditions(model)
    position = operation.position or ""
    while True:
        beyond = {"$and": [conditions, {"job_id": {"$gt": position}}]}
        rows = list(
            model._get_collection()
            .find(beyond, {"job_id": 1, "status": 1})
            .sort("job_id", 1)
            .limit(BATCH)
        )
        yield from ((row["job_id"], row["status"]) for row in rows)
        if len(rows) < BATCH:
            return
        position = rows[-1]["job_id"]


class _Tally:
    """Counts, and where the operation stands."""

    def __init__(self, operation: BulkOperation) -> None:
        self._done = operation.done
        self._skipped = operation.skipped
        self._failures = operation.failures
        self._results = [dict(result) for result in operation.results]
        self._position = operation.position
        self._total = max(1, operation.total)

    def done(self, job_id: str) -> None:
        self._done += 1
        self._position = job_id

    def skipped(self, job_id: str, reason: str) -> None:
        self._skipped += 1
        self._keep(job_id, "skipped", reason)

    def failed(self, job_id: str, reason: str) -> None:
        self._failures += 1
        self._keep(job_id, "failed", reason)

    def _keep(self, job_id: str, outcome: str, reason: str) -> None:
        self._position = job_id
        if len(self._results) < RESULTS_KEPT:
            self._results.append({"jobId": job_id, "outcome": outcome, "reason": reason})

    def fields(self) -> dict[str, Any]:
        visited = self._done + self._skipped + self._failures
        return {
            "done": self._done,
            "skipped": self._skipped,
            "failures": self._failures,
            "results": list(self._results),
            "position": self._position,
            "progress": min(99.0, 100.0 * visited / self._total),
        }
