"""What rows, queue and bucket together say: a table of rules, one for each situation.

The table is the whole of the judgement. Who reads rows and queue (``tasks.survey``,
``tasks.orphans``) brings a ``Situation``, and who repairs (``tasks.repairs``) does what the rule's
``fix`` says, so that a pass, the drift page, a dry run and "fix stuck" cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any


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


class Fix(StrEnum):
    """What is done about it."""

    nothing = "nothing"
    send = "A new message is sent."
    take_back = "It waits again and gets a new message, or fails after too many lost workers."
    cancel = "It is cancelled."
    advance = "What is due for it is started."
    drop = "The message is taken out of the queue."
    remove = "The files are removed."
    abort = "The parts that were sent are removed."
    sync = "Sync the job: it compares all files, and lets a retry make what is missing."


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


@dataclass(frozen=True)
class Rule:
    """``sentence`` is for people. ``drift``: rows, queue and bucket disagree.

    ``by_itself``: a pass repairs it; otherwise only somebody who asks for it. ``when`` names the
    values a column may have; a column that is not named may have any.
    """

    id: str
    subject: Subject
    sentence: str
    fix: Fix = Fix.nothing
    drift: bool = False
    by_itself: bool = False
    when: Mapping[str, frozenset[Any]] = field(default_factory=dict)

    def matches(self, situation: Situation) -> bool:
        """Whether the rule is for this situation."""
        return situation.subject is self.subject and all(
            getattr(situation, column) in allowed for column, allowed in self.when.items()
        )


def _agree(id: str, subject: Subject, sentence: str, **when: Any) -> Rule:
    return Rule(id, subject, sentence, when=_sets(when))


def _heal(id: str, subject: Subject, sentence: str, fix: Fix, **when: Any) -> Rule:
    return Rule(id, subject, sentence, fix, drift=True, by_itself=True, when=_sets(when))


def _report(id: str, subject: Subject, sentence: str, fix: Fix, **when: Any) -> Rule:
    return Rule(id, subject, sentence, fix, drift=True, when=_sets(when))


def _sets(when: Mapping[str, Any]) -> dict[str, frozenset[Any]]:
    return {
        column: value if isinstance(value, frozenset) else frozenset({value})
        for column, value in when.items()
    }


_R, _L, _Q, _P, _B = RowState, LeaseState, QueueState, ParentState, BucketState
_NO_ROW = _R.none
_A_ROW = frozenset(RowState) - {_R.none}
_OPEN = frozenset({_R.waiting, _R.active})
_FINISHED = frozenset({_R.completed, _R.failed, _R.cancelled})
_GIVEN_UP = frozenset({_R.failed, _R.cancelled})
_OWN = frozenset({_Q.none, _Q.held, _Q.lost})
_NOT_MOVED = frozenset({Pace.resting, Pace.still})
_NOT_STILL = frozenset({Pace.moved, Pace.resting})
_NOT_MISSING = frozenset({_B.unasked, _B.there})
_BUSY = frozenset({_Q.held, _Q.left, _Q.fetched})
_NO_PARENT_OVER = frozenset({_P.none, _P.open})
_NOT_LOST = frozenset(_Q) - {_Q.lost}
_IDLE = frozenset({_Q.none, _Q.lost})

PART, JOB = Subject.part, Subject.job
AREA, FILES, HALF = Subject.work_area, Subject.media_files, Subject.half_upload

#: Every situation matches exactly one of them.
RULES: tuple[Rule, ...] = (
    # Steps and uploads. An unfinished one is either in the queue, or at work, or waits for its
    # turn; a message that its row does not name can never start it.
    _heal(
        "message-lost",
        PART,
        "It waits for a message that is not in the queue.",
        Fix.send,
        row=_R.waiting,
        parent=_NO_PARENT_OVER,
        queue=_Q.lost,
        pace=Pace.still,
    ),
    _heal(
        "worker-lost",
        PART,
        "Its worker went silent: the lease ran out.",
        Fix.take_back,
        row=_R.active,
        parent=_NO_PARENT_OVER,
        queue=_OWN,
        lease=_L.expired,
    ),
    _heal(
        "lease-missing",
        PART,
        "It is active, but no worker holds a lease on it.",
        Fix.take_back,
        row=_R.active,
        parent=_NO_PARENT_OVER,
        queue=_OWN,
        lease=_L.none,
    ),
    _heal(
        "unsent",
        PART,
        "It waits and has no message, and belongs to no job that would send one.",
        Fix.send,
        row=_R.waiting,
        parent=_P.none,
        queue=_Q.none,
        pace=Pace.still,
    ),
    _heal(
        "job-over",
        PART,
        "It is unfinished although its job is finished.",
        Fix.cancel,
        row=_OPEN,
        parent=_P.over,
        queue=_OWN,
    ),
    _heal(
        "job-gone",
        PART,
        "Its job was deleted.",
        Fix.cancel,
        row=_OPEN,
        parent=_P.gone,
        queue=_OWN,
        pace=_NOT_MOVED,
    ),
    _heal(
        "stray-message",
        PART,
        "A message is queued that its row does not wait for, so it can start nothing.",
        Fix.drop,
        row=_A_ROW,
        queue=_Q.left,
    ),
    _heal(
        "orphan-message",
        PART,
        "A message is queued for something that has no row.",
        Fix.drop,
        row=_NO_ROW,
        queue=_Q.left,
        pace=Pace.still,
    ),
    _report(
        "young-orphan-message",
        PART,
        "A message is queued for something that has no row. It is left alone for an hour.",
        Fix.nothing,
        row=_NO_ROW,
        queue=_Q.left,
        pace=_NOT_STILL,
    ),
    _agree(
        "message-fetched",
        PART,
        "A worker has the message, and drops it or is about to acknowledge it.",
        queue=_Q.fetched,
    ),
    _agree(
        "at-work",
        PART,
        "A worker that is alive works on it, however long it takes.",
        row=_R.active,
        parent=_NO_PARENT_OVER,
        queue=_OWN,
        lease=_L.alive,
    ),
    _agree(
        "queued",
        PART,
        "Its message is in the queue.",
        row=_R.waiting,
        parent=_NO_PARENT_OVER,
        queue=_Q.held,
    ),
    _agree(
        "its-turn",
        PART,
        "It waits for its turn and gets its message then.",
        row=_R.waiting,
        parent=_P.open,
        queue=_Q.none,
    ),
    _agree(
        "retry-later",
        PART,
        "Its next attempt is due later.",
        row=_R.waiting,
        parent=_NO_PARENT_OVER,
        queue=_Q.lost,
        pace=Pace.resting,
    ),
    _agree(
        "just-written",
        PART,
        "It was written a moment ago; its message may be on the way.",
        row=_R.waiting,
        parent=_NO_PARENT_OVER,
        queue=_Q.lost,
        pace=Pace.moved,
    ),
    _agree(
        "just-unsent",
        PART,
        "It was written a moment ago and is about to get its message.",
        row=_R.waiting,
        parent=_P.none,
        queue=_Q.none,
        pace=_NOT_STILL,
    ),
    _agree(
        "job-gone-now",
        PART,
        "Its job was deleted a moment ago.",
        row=_OPEN,
        parent=_P.gone,
        queue=_OWN,
        pace=Pace.moved,
    ),
    _agree(
        "part-finished",
        PART,
        "It is finished, and is never run again by itself.",
        row=_FINISHED,
        queue=_OWN,
    ),
    _agree("nothing", PART, "There is neither row nor message.", row=_NO_ROW, queue=_OWN),
    # Transcode jobs: something of an unfinished one must be under way, or nobody moves it on.
    _heal(
        "job-stalled",
        JOB,
        "It is unfinished, and nothing of it is queued or worked on.",
        Fix.advance,
        row=_OPEN,
        queue=_Q.none,
        pace=Pace.still,
    ),
    _heal(
        "part-due",
        JOB,
        "Something of it is due, and nothing that is queued or worked on will bring it about.",
        Fix.advance,
        row=_OPEN,
        queue=_Q.lost,
        pace=Pace.still,
    ),
    _heal(
        "late-part-due",
        JOB,
        "It is completed, and an upload of its subtitles or its master playlist is due.",
        Fix.advance,
        row=_R.completed,
        queue=_Q.lost,
    ),
    _report(
        "stream-missing",
        JOB,
        "It is completed, but its stream is not in the bucket.",
        Fix.sync,
        row=_R.completed,
        queue=_NOT_LOST,
        bucket=_B.missing,
    ),
    _agree("job-under-way", JOB, "Something of it is under way.", row=_OPEN, queue=_BUSY),
    _agree(
        "job-just-moved", JOB, "It moved a moment ago.", row=_OPEN, queue=_IDLE, pace=_NOT_STILL
    ),
    _agree(
        "job-completed",
        JOB,
        "It is completed, and nothing speaks against its stream.",
        row=_R.completed,
        queue=_NOT_LOST,
        bucket=_NOT_MISSING,
    ),
    _agree(
        "job-given-up", JOB, "It failed or was cancelled, and waits for a person.", row=_GIVEN_UP
    ),
    _agree("no-job", JOB, "There is no such job.", row=_NO_ROW),
    # Work areas: what a retry can use is kept for a week.
    _heal(
        "work-left",
        AREA,
        "Its job is completed and needs it no more.",
        Fix.remove,
        row=_R.completed,
        pace=_NOT_MOVED,
    ),
    _heal(
        "work-expired",
        AREA,
        "Its job failed or was cancelled a week ago, and nobody retried it.",
        Fix.remove,
        row=_GIVEN_UP,
        pace=Pace.still,
    ),
    _report(
        "work-orphan",
        AREA,
        "It belongs to no job.",
        Fix.remove,
        row=_NO_ROW,
        pace=_NOT_MOVED,
    ),
    _agree(
        "work-kept",
        AREA,
        "A retry of its job can use what is in it.",
        row=_GIVEN_UP,
        pace=Pace.resting,
    ),
    _agree("work-in-use", AREA, "Its job is unfinished.", row=_OPEN),
    _agree(
        "work-young",
        AREA,
        "It changed within the last hour.",
        row=_FINISHED | {_NO_ROW},
        pace=Pace.moved,
    ),
    # Sources and streams.
    _report(
        "files-orphan",
        FILES,
        "They belong to no media.",
        Fix.remove,
        row=_NO_ROW,
        pace=_NOT_MOVED,
    ),
    _agree("files-owned", FILES, "They belong to a media.", row=_A_ROW),
    _agree(
        "files-young", FILES, "They changed within the last hour.", row=_NO_ROW, pace=Pace.moved
    ),
    # Multipart uploads take room that no listing shows.
    _report(
        "half-upload",
        HALF,
        "It was begun more than a day ago, and nothing arrived for an hour.",
        Fix.abort,
        pace=Pace.still,
    ),
    _agree("upload-under-way", HALF, "It may still be under way.", pace=_NOT_STILL),
)

BY_ID = {rule.id: rule for rule in RULES}


@cache
def judge(situation: Situation) -> Rule:
    """The rule for a situation."""
    return next(rule for rule in RULES if rule.matches(situation))


def fixable(rule: Rule) -> bool:
    """Whether a click repairs it."""
    return rule.fix not in (Fix.nothing, Fix.sync)
