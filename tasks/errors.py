"""What can go wrong with a piece of work, as values that a job can store and a person can read.

Every failure of the pipeline is a `WorkError` with a category (which decides whether a retry can
help), one human sentence, and the tail of the encoder's log where there is one.
"""

from enum import StrEnum
from typing import ClassVar


class Category(StrEnum):
    """Why work failed; stored as `failed_reason`."""

    bad_input = "bad_input"
    storage = "storage"
    encoder = "encoder"
    timeout = "timeout"
    out_of_disk = "out_of_disk"
    lost_worker = "lost_worker"
    cancelled = "cancelled"
    internal = "internal"


# The same source, or the same person's wish to stop, gives the same answer next time.
NEVER_RETRIED = frozenset({Category.bad_input, Category.cancelled})


class WorkError(Exception):
    """Work failed. `sentence` is for people; `log` is the tail of a tool's log, or empty."""

    default_category: ClassVar[Category] = Category.internal

    def __init__(self, sentence: str, *, category: Category | None = None, log: str = "") -> None:
        super().__init__(sentence)
        self.category = category or self.default_category
        self.sentence = sentence
        self.log = log

    @property
    def retryable(self) -> bool:
        """Whether doing the same again may succeed."""
        return self.category not in NEVER_RETRIED

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions pickle by their positional arguments alone; keep category and log too.
        return _rebuild, (type(self), self.sentence, self.category, self.log)


class BadInput(WorkError):
    """The source itself cannot be processed; never retried."""

    default_category = Category.bad_input


class EncoderFailed(WorkError):
    """ffmpeg failed, or did not deliver what the plan asked for."""

    default_category = Category.encoder


class StorageFailed(WorkError):
    """Object storage refused, was away, or gave back something else than was put there."""

    default_category = Category.storage


class NotOwner(StorageFailed):
    """Something was to be removed from a bucket that this installation does not own."""


class TimedOut(WorkError):
    """A process ran longer than allowed, or made no progress for too long."""

    default_category = Category.timeout


class OutOfDisk(WorkError):
    """The scratch disk is full, or the work would take more of it than allowed."""

    default_category = Category.out_of_disk


class Stopped(WorkError):
    """Somebody asked the work to stop: a cancelled job, or a lease that was lost."""

    default_category = Category.cancelled


class NotYet(WorkError):
    """Another step has to be done again first; this one is handed back until then."""


def _rebuild(
    kind: type[WorkError], sentence: str, category: Category | None, log: str
) -> WorkError:
    return kind(sentence, category=category, log=log)
