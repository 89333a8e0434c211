"""The buttons of a job: what its state allows, why not, and what is asked before."""

from dataclasses import dataclass

from tasks.jobs import allowed
from tasks.jobs.allowed import LABELS, ActionState
from tasks.models import Kind, Status, TranscodeJob, UploadJob

#: Shown in the row itself; the others wait in its menu.
_IN_ROW = (allowed.Action.retry, allowed.Action.cancel, allowed.Action.cleanup)
_ORDER = (*_IN_ROW, allowed.Action.sync, allowed.Action.delete)
_OUTPUTS = {
    Kind.transcode: "Its outputs too: its stream is taken off, and the files go later.",
    Kind.upload: "Its files in the bucket too.",
}


@dataclass(frozen=True)
class ActionButton:
    """Something to do with a job; ``reason`` says why not, and is empty where it is allowed.

    ``ask`` is asked before, ``outputs`` is a further choice; both are empty where not needed.
    """

    verb: str
    label: str
    reason: str = ""
    in_row: bool = False
    ask: str = ""
    outputs: str = ""


def actions_of(kind: Kind, job: TranscodeJob | UploadJob, name: str) -> list[ActionButton]:
    """All actions of a job, in the order of their buttons."""
    reasons = allowed.refusals(ActionState(Status(job.status), job.can_cancel is not False))
    return [
        ActionButton(
            verb=action.value,
            label=LABELS[action],
            reason=reasons[action] or "",
            in_row=action in _IN_ROW,
            ask=_question(action, f"“{name}”"),
            outputs=_OUTPUTS[kind] if action is allowed.Action.delete else "",
        )
        for action in _ORDER
    ]


def _question(action: allowed.Action, what: str) -> str:
    if action is allowed.Action.cleanup:
        return (
            f"Clean up {what}? What it has made so far is removed, and a retry starts from the "
            "source."
        )
    if action is allowed.Action.delete:
        return f"Delete {what}? Its row and its history are gone for good."
    return ""


_SKIPPED = "Those whose state does not allow it are skipped."
_OF_MANY = {
    allowed.Action.cleanup: "What they have made so far is removed, and a retry starts anew.",
    allowed.Action.delete: "Their rows and their history are gone for good.",
}
#: What can be done with many jobs; the number is put where ``{}`` is.
BULK_ACTIONS = tuple(
    ActionButton(
        verb=action.value,
        label=LABELS[action],
        ask=" ".join(
            words for words in (f"{LABELS[action]} {{}}?", _OF_MANY.get(action), _SKIPPED) if words
        ),
        outputs="Their outputs too: their streams are taken off, and the files go later."
        if action is allowed.Action.delete
        else "",
    )
    for action in _ORDER
)
