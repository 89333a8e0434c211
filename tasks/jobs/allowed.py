"""The actions that a state allows, and why not: one table for buttons, API and bulk operations."""

from dataclasses import dataclass
from enum import StrEnum

from tasks.models import FINISHED, Status


class Action(StrEnum):
    """The actions on a job."""

    retry = "retry"
    cancel = "cancel"
    cleanup = "cleanup"
    sync = "sync"
    delete = "delete"


#: How an action is called on its button.
LABELS = {
    Action.retry: "Retry",
    Action.cancel: "Cancel",
    Action.cleanup: "Clean up",
    Action.sync: "Sync",
    Action.delete: "Delete",
}

ALLOWED: dict[Action, frozenset[Status]] = {
    Action.retry: frozenset({Status.failed, Status.cancelled}),
    Action.cancel: frozenset({Status.waiting, Status.active}),
    Action.cleanup: frozenset({Status.failed, Status.cancelled}),
    Action.sync: frozenset(Status),
    Action.delete: FINISHED,
}

_ONLY = {
    Action.retry: "only a failed or cancelled job is retried",
    Action.cancel: "only a waiting or active job is cancelled",
    Action.cleanup: "only a failed or cancelled job is cleaned up",
    Action.delete: "only a finished job is deleted",
}


@dataclass(frozen=True)
class ActionState:
    """The fields of a job that decide over its actions."""

    status: Status
    can_cancel: bool = True


def refusal(action: Action, state: ActionState) -> str | None:
    """The sentence that says why not, or None where the action is allowed."""
    if state.status not in ALLOWED[action]:
        return f"This job is {state.status.value}: {_ONLY[action]}."
    if action is Action.cancel and not state.can_cancel:
        return "This job cannot be cancelled at this point."
    return None


def refusals(state: ActionState) -> dict[Action, str | None]:
    """For every action its refusal or None."""
    return {action: refusal(action, state) for action in Action}
