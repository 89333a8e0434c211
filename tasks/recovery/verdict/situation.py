"""What can be said of a row, the queue and the bucket: the columns of the table of rules."""

from dataclasses import dataclass
from enum import StrEnum


class Subject(StrEnum):
    """What is judged. A bulk operation counts as a part that belongs to no job."""

    part = "step or upload"
    job = "transcode job"
    work_area = "work area"
    media_files = "files of a media"
    half_upload = "unfinished multipart upload"


class RowState(StrEnum):
    """The row's status: of the part, the job, the owner of a work area, or the media."""

    none = "none"
    waiting = "waiting"
    active = "active"
    completed = "completed"
    failed = "failed"
    cancelled = "cancelled"


class LeaseState(StrEnum):
    """A worker's claim."""

    none = "none"
    alive = "alive"
    expired = "expired"


class QueueState(StrEnum):
    """What the queue says: the row names no message (``none``), the one it names is there
    (``held``) or is not (``lost``); or of a message that no row names, that it is queued
    (``left``) or that a worker has it (``fetched``).

    Of a job, ``none``: nothing of it is queued or worked on; ``held``: something is; ``lost``:
    something is (or the job is completed), but something else is due that nothing in the queue
    will bring about.
    """

    none = "none"
    held = "held"
    lost = "lost"
    left = "left over"
    fetched = "fetched"


class ParentState(StrEnum):
    """The job that a part belongs to. Of the uploads of subtitles and of the master that lists
    them, a completed job counts as unfinished: they may come at any time."""

    none = "none"
    open = "unfinished"
    over = "finished"
    gone = "deleted"


class BucketState(StrEnum):
    """The files that the row stands for."""

    unasked = "not looked at"
    there = "there"
    missing = "missing"


class Pace(StrEnum):
    """How long nothing has moved.

    Of parts and jobs, ``moved``: within the grace; ``resting``: a retry is due later; ``still``:
    nothing is to come. Of messages and files, ``moved``: younger than an hour; ``still``: older
    than they are kept; ``resting``: between the two.
    """

    moved = "just moved"
    resting = "resting"
    still = "still"


@dataclass(frozen=True)
class Situation:
    """One value of each column."""

    subject: Subject
    row: RowState
    lease: LeaseState = LeaseState.none
    queue: QueueState = QueueState.none
    parent: ParentState = ParentState.open
    bucket: BucketState = BucketState.unasked
    pace: Pace = Pace.still
