"""The columns of the table of rules: states of a row, the queue and the bucket."""

from dataclasses import dataclass
from enum import StrEnum


class Subject(StrEnum):
    """The subjects of a judgement. A bulk operation counts as a part that belongs to no job."""

    part = "step or upload"
    job = "transcode job"
    work_area = "work area"
    media_files = "files of a media"
    half_upload = "unfinished multipart upload"
    stream = "stream"
    master = "master playlist"


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
    """The state of the queue: the row names no message (``none``), the one it names is there
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


class StreamSays(StrEnum):
    """The state in a stream's row; ``none``: there is no row."""

    none = "none"
    building = "building"
    live = "live"
    retired = "retired"
    removed = "removed"


class LiveState(StrEnum):
    """The stream that the media's row says is live: the one that is judged, another, or none. Of a
    master, ``this``: there is one."""

    this = "this one"
    another = "another"
    none = "none"


class OwnerState(StrEnum):
    """The job of a stream: it is there and builds or built this one, or not (any more)."""

    there = "there"
    gone = "gone"


class FilesState(StrEnum):
    """A stream's files in the bucket: as many and as large as its row says, fewer, or none. Of a
    master, ``whole``: it is as it was last written for the live stream."""

    whole = "whole"
    lacking = "lacking"
    none = "none"


class Pace(StrEnum):
    """The time since something moved.

    Of parts and jobs, ``moved``: within the grace; ``resting``: a retry is due later; ``still``:
    nothing is to come. Of messages and files, ``moved``: younger than an hour; ``still``: older
    than they are kept; ``resting``: between the two. Of a retired stream, ``still``: it was kept
    for long enough. Of a master, ``moved``: it is due since a moment ago.
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
    pace: Pace = Pace.still


@dataclass(frozen=True)
class StreamSituation:
    """One value of each column, of a stream or a master."""

    subject: Subject
    stream: StreamSays = StreamSays.none
    live: LiveState = LiveState.none
    owner: OwnerState = OwnerState.there
    files: FilesState = FilesState.whole
    pace: Pace = Pace.still
