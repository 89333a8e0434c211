"""Counts the outcomes of the jobs that a bulk operation has visited."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.control.request import Outcome, Result
from tasks.models.bulk_operation import BulkOperation

#: Jobs that were skipped or failed and are listed one by one.
RESULTS_KEPT = 500
#: Reasons that are counted apart; what has another one is counted together.
REASONS_KEPT = 100
OTHER = "Another reason."
#: Characters of a reason that are kept.
REASON_LENGTH = 300


class BulkCounts:
    """Counts, and where the operation stands; it goes on from what the row says."""

    def __init__(self, operation: BulkOperation) -> None:
        self._counts = {
            Result.done: operation.done,
            Result.skipped: operation.skipped,
            Result.failed: operation.failures,
        }
        self._results = [dict(result) for result in operation.results]
        self._reasons = {(r["outcome"], r["reason"]): int(r["count"]) for r in operation.reasons}
        self._position = operation.position
        self._total = max(1, operation.total)

    def done(self, ids: Sequence[str]) -> None:
        """These are done."""
        self.add(dict.fromkeys(ids, Outcome("")))

    def add(self, outcomes: Mapping[str, Outcome]) -> None:
        """Counts the outcomes of a batch, which lies behind all counted before."""
        for job_id, outcome in sorted(outcomes.items(), key=lambda item: item[0]):
            self._counts[outcome.result] += 1
            self._position = max(self._position or "", job_id)
            if outcome.error is not None:
                self._keep(job_id, outcome.result, outcome.reason[:REASON_LENGTH])

    def _keep(self, job_id: str, result: Result, reason: str) -> None:
        key = (result.value, reason)
        if key not in self._reasons and len(self._reasons) >= REASONS_KEPT:
            key = (result.value, OTHER)
        self._reasons[key] = self._reasons.get(key, 0) + 1
        if len(self._results) < RESULTS_KEPT:
            self._results.append({"jobId": job_id, "outcome": result.value, "reason": reason})

    @property
    def progress(self) -> float:
        """In percent; all of it is for the end."""
        return min(99.0, 100.0 * sum(self._counts.values()) / self._total)

    def fields(self, pending: Sequence[str]) -> dict[str, Any]:
        """The fields of the row, with what is to be done next."""
        return {
            "done": self._counts[Result.done],
            "skipped": self._counts[Result.skipped],
            "failures": self._counts[Result.failed],
            "results": list(self._results),
            "reasons": [
                {"outcome": outcome, "reason": reason, "count": count}
                for (outcome, reason), count in self._reasons.items()
            ],
            "position": self._position,
            "pending": list(pending),
            "progress": self.progress,
        }
