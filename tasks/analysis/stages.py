"""The stretches of an analysis in order, and the milestones that it passes."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class StageState(StrEnum):
    """Where a stage stands."""

    next = "next"
    running = "running"
    done = "done"
    failed = "failed"
    skipped = "skipped"


@dataclass(frozen=True)
class Stage:
    """``begins`` and ``ends`` are percent of the whole; an ``optional`` one may fail alone."""

    id: str
    name: str
    begins: float
    ends: float
    optional: bool = False


@dataclass(frozen=True)
class Milestone:
    """A name that programs wait for, and the percent that goes with it."""

    progress: int
    name: str


STARTED = Milestone(10, "Starting AI analysis")
ANALYSED = Milestone(30, "AI analysis complete")
EXTRACTED = Milestone(60, "Step extraction")
ENHANCED = Milestone(90, "AI enhancement")
FINAL = Milestone(100, "Finalizing module")
MILESTONES = (STARTED, ANALYSED, EXTRACTED, ENHANCED, FINAL)

PROBE, SPEECH, SCENES, STEPS = "probe", "speech", "scenes", "steps"
TEXTS, PICTURES, CAPTIONS, FINISH = "texts", "pictures", "captions", "finish"

STAGES = (
    Stage(PROBE, "Looking at the file", 10, 12),
    Stage(SPEECH, "Listening to what is said", 12, 26, optional=True),
    Stage(SCENES, "Finding scenes", 26, 30, optional=True),
    Stage(STEPS, "Extracting steps", 30, 60),
    Stage(TEXTS, "Writing titles and summaries", 60, 78, optional=True),
    Stage(PICTURES, "Taking a picture of each step", 78, 86, optional=True),
    Stage(CAPTIONS, "Adding captions", 86, 90, optional=True),
    Stage(FINISH, "Putting the module together", 90, 99),
)
BY_ID = {stage.id: stage for stage in STAGES}


def untouched() -> list[dict[str, Any]]:
    """The row's stages before any has begun."""
    return [{"id": stage.id, "state": StageState.next.value} for stage in STAGES]


def changed(
    rows: Sequence[dict[str, Any]],
    stage_id: str,
    state: StageState,
    note: str = "",
    seconds: float | None = None,
) -> list[dict[str, Any]]:
    """The row's stages with one of them in another state."""
    new: dict[str, Any] = {"id": stage_id, "state": state.value}
    if note:
        new["note"] = note
    if seconds is not None:
        new["seconds"] = round(seconds, 2)
    return [new if row["id"] == stage_id else dict(row) for row in rows]


def ended(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The row's stages when its work has ended before the last one: none of them runs any more."""
    return [
        changed([row], row["id"], StageState.failed, "It did not come to the end.")[0]
        if row["state"] == StageState.running
        else dict(row)
        for row in rows
    ]
