"""Texts about uploads that others wait for."""

from collections.abc import Sequence

from tasks.errors import WorkError
from tasks.models import Status

#: The text in the row of a master while all is well.
NOTHING_LOST = "Waits until all other files of the stream are in their place."


def loss(names: Sequence[str], status: Status, error: WorkError | None) -> str:
    """``720p failed to upload (storage: Storage answered …)``, without a full stop.

    ``names``: what did not come through; ``status`` and ``error`` are those of the first.
    """
    reason = error.sentence.rstrip(".") if error is not None else ""
    what = f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]
    if status is Status.cancelled:
        return f"the upload of {what} was cancelled" + (f" ({reason})" if reason else "")
    why = f" ({error.category.value}: {reason})" if error is not None else ""
    return f"{what} failed to upload{why}"
