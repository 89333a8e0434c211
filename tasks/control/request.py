"""Requests for an action on jobs, and the outcome for each job."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from tasks.errors import StorageFailed
from tasks.jobs import lifecycle
from tasks.jobs.allowed import Action
from tasks.jobs.transition import Row
from tasks.models import MODELS, Kind, TranscodeJob, UploadJob
from tasks.records import audit
from tasks.removal.held import Refusal

#: The sentence about a job to which an action was done, unless there is more to say.
DONE_WORDS = {
    Action.retry: "Waits to be done again.",
    Action.cancel: "Cancelled.",
    Action.cleanup: "Cleaned up.",
    Action.delete: "Deleted.",
}
#: The reason about a job without a row; the same of all, so that they can be counted.
GONE = "There is no such job any more."
_PAST = {Action.retry: "Retried", Action.cancel: "Cancelled", Action.cleanup: "Cleaned up"}
_NO_DATA: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Request:
    """An action on jobs of a kind, asked for by ``who``.

    ``outputs``: a deletion takes the files in the bucket with it. ``operation`` is the id of the
    bulk operation, None for a click on one job.
    """

    kind: Kind
    action: Action
    who: str
    outputs: bool = False
    operation: str | None = None

    @property
    def model(self) -> type[TranscodeJob] | type[UploadJob]:
        """The rows of the kind."""
        return MODELS[self.kind]

    @property
    def mark(self) -> str:
        """The beginning of the line in each job's history, by which a bulk operation recognises
        the jobs that it has visited; a deletion has none."""
        bulk = f" (bulk {self.operation[:8]})" if self.operation else ""
        return f"{_PAST[self.action]} by {self.who}{bulk}"

    @property
    def why(self) -> str:
        """The line in each job's history where nothing follows the mark."""
        return f"{self.mark}."


class Result(StrEnum):
    """The three results of an action on one job."""

    done = "done"
    skipped = "skipped"
    failed = "failed"


@dataclass(frozen=True)
class Outcome:
    """The outcome of an action on one job: a sentence for people, plain data for programs.

    ``error``: the reason why it was not done, None where it was. ``job``: the job as it is now,
    None where it was deleted, or where that was not asked for.
    """

    sentence: str
    data: Mapping[str, Any] = field(default_factory=lambda: _NO_DATA)
    error: Refusal | None = None
    job: TranscodeJob | UploadJob | None = None

    @property
    def result(self) -> Result:
        """Whether it was done, was refused by the job's state, or failed in storage."""
        if self.error is None:
            return Result.done
        return Result.failed if isinstance(self.error, StorageFailed) else Result.skipped

    @property
    def reason(self) -> str:
        """Why it was not done, the same for all jobs of the same reason; empty where it was."""
        if self.error is None:
            return ""
        return GONE if isinstance(self.error, lifecycle.NotFound) else self.sentence


def refused(error: Refusal) -> Outcome:
    """The outcome where an action was not done."""
    return Outcome(error.sentence if isinstance(error, StorageFailed) else str(error), error=error)


def done(request: Request, rows: list[Row]) -> dict[str, Outcome]:
    """The outcomes for rows to which an action was done, where there is no more to say."""
    sentence = DONE_WORDS[request.action]
    return {row["job_id"]: Outcome(sentence) for row in rows}


def write_down(request: Request, outcomes: Mapping[str, Outcome]) -> None:
    """Writes outcomes to the audit log, done or refused; a failure of storage is not in it."""
    lines = [
        audit.Line(job_id, outcome.sentence, outcome.data, refused=outcome.result is Result.skipped)
        for job_id, outcome in outcomes.items()
        if outcome.result is not Result.failed
    ]
    data = {"operation": request.operation} if request.operation else {}
    audit.record_many(request.who, request.action.value, lines, kind=request.kind.value, **data)
