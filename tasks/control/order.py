"""What a bulk operation asks of many jobs, and what came of each."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tasks.jobs.allowed import Action
from tasks.models import Kind
from tasks.records import audit

#: What is said of a job that it was done to, unless there is more to say.
DONE_WORDS = {
    Action.retry: "Waits to be done again.",
    Action.cancel: "Cancelled.",
    Action.cleanup: "Cleaned up.",
    Action.delete: "Deleted.",
}
_PAST = {Action.retry: "Retried", Action.cancel: "Cancelled", Action.cleanup: "Cleaned up"}


class Outcome(StrEnum):
    """What came of an action on one job."""

    done = "done"
    skipped = "skipped"
    failed = "failed"


@dataclass(frozen=True)
class Order:
    """What a bulk operation asks of each job, and for whom; ``operation`` is its id."""

    kind: Kind
    action: Action
    who: str
    operation: str
    outputs: bool = False

    @property
    def mark(self) -> str:
        """How a line in the history of each job begins, by which one that was visited is known
        again; there is none of a deletion."""
        return f"{_PAST[self.action]} by {self.who} (bulk {self.operation[:8]})"

    @property
    def why(self) -> str:
        """The mark where nothing follows it."""
        return f"{self.mark}."


#: (outcome, reason) by job id; the reason is empty where it is done.
Results = dict[str, tuple[Outcome, str]]


def write_down(order: Order, lines: Iterable[audit.Line]) -> None:
    """Adds lines of an order to the audit log."""
    kind, action = order.kind.value, order.action.value
    audit.record_many(order.who, action, lines, kind=kind, operation=order.operation)
