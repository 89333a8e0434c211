"""Rules for transcode jobs.

A part of an unfinished one must be under way, or nothing moves it on.
"""

from tasks.recovery.verdict.columns import (
    BUSY,
    GIVEN_UP,
    IDLE,
    NOT_LOST,
    NOT_STILL,
    OPEN,
)
from tasks.recovery.verdict.rule import Fix, Rule, agree, heal
from tasks.recovery.verdict.situation import Pace, QueueState, RowState, Subject

JOB = Subject.job

RULES: tuple[Rule, ...] = (
    heal(
        "job-stalled",
        JOB,
        "It is unfinished, and nothing of it is queued or worked on.",
        Fix.advance,
        row=OPEN,
        queue=QueueState.none,
        pace=Pace.still,
    ),
    heal(
        "part-due",
        JOB,
        "Something of it is due, and nothing that is queued or worked on will bring it about.",
        Fix.advance,
        row=OPEN,
        queue=QueueState.lost,
        pace=Pace.still,
    ),
    heal(
        "late-part-due",
        JOB,
        "It is completed, and an upload of its subtitles or its master playlist is due.",
        Fix.advance,
        row=RowState.completed,
        queue=QueueState.lost,
    ),
    agree("job-under-way", JOB, "Something of it is under way.", row=OPEN, queue=BUSY),
    agree("job-just-moved", JOB, "It moved a moment ago.", row=OPEN, queue=IDLE, pace=NOT_STILL),
    agree(
        "job-completed",
        JOB,
        "It is completed, and nothing of it is due.",
        row=RowState.completed,
        queue=NOT_LOST,
    ),
    agree("job-given-up", JOB, "It failed or was cancelled, and waits for a person.", row=GIVEN_UP),
    agree("no-job", JOB, "There is no such job.", row=RowState.none),
)
