"""Decides what is due for a job: a pure function of its rows.

Progress and recovery ask the same question, so the worker that ended a step, the reconciler, and a
person's retry all get the same answer, any number of times.
"""

from tasks.jobs.decide.actions import (
    Action,
    Activate,
    CancelPart,
    CancelParts,
    CompleteJob,
    CreateEncodes,
    CreateMaster,
    CreateStep,
    CreateSubtitleUploads,
    CreateUploads,
    Enqueue,
    EnterPhase,
    FailJob,
    RefreshMaster,
    RemoveSubtitle,
    Retry,
    SayWhy,
)
from tasks.jobs.decide.rules import decide
from tasks.jobs.decide.state import JobState, StepState, UploadState

__all__ = [
    "Action",
    "Activate",
    "CancelPart",
    "CancelParts",
    "CompleteJob",
    "CreateEncodes",
    "CreateMaster",
    "CreateStep",
    "CreateSubtitleUploads",
    "CreateUploads",
    "Enqueue",
    "EnterPhase",
    "FailJob",
    "JobState",
    "RefreshMaster",
    "RemoveSubtitle",
    "Retry",
    "SayWhy",
    "StepState",
    "UploadState",
    "decide",
]
