"""How long each stage of analyses took, of those that were finished last."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Any

from tasks.analysis.stages import STAGES, StageState
from tasks.models import Status, TrainingModule
from tasks.models.clock import now

#: Days that are looked back, and modules that are counted at most.
DAYS, MOST = 30, 500


@dataclass(frozen=True)
class StageTime:
    """A stage: how often it was done and failed, and its seconds."""

    id: str
    name: str
    done: int
    failed: int
    median: float
    longest: float


@dataclass(frozen=True)
class Times:
    """``modules`` that became ready, the ``median`` of their whole time, and each stage."""

    modules: int
    median: float
    stages: tuple[StageTime, ...]


def stage_times() -> Times:
    """Of the modules that became ready within the last month."""
    rows = (
        TrainingModule.objects(
            status=Status.completed.value, finished_at__gte=now() - timedelta(days=DAYS)
        )
        .only("stages", "started_at", "finished_at")
        .order_by("-finished_at")
        .limit(MOST)
        .as_pymongo()
    )
    return summed(list(rows))


def summed(rows: Iterable[Mapping[str, Any]]) -> Times:
    """The times of rows with ``stages``, ``started_at`` and ``finished_at``."""
    took: list[float] = []
    seconds: dict[str, list[float]] = {stage.id: [] for stage in STAGES}
    failed = dict.fromkeys(seconds, 0)
    for row in rows:
        if row.get("started_at") and row.get("finished_at"):
            took.append((row["finished_at"] - row["started_at"]).total_seconds())
        for stage in row.get("stages") or ():
            if stage["id"] not in seconds:
                continue
            failed[stage["id"]] += stage["state"] == StageState.failed
            if stage["state"] == StageState.done and stage.get("seconds") is not None:
                seconds[stage["id"]].append(stage["seconds"])
    return Times(
        modules=len(took),
        median=median(took) if took else 0.0,
        stages=tuple(
            StageTime(
                stage.id,
                stage.name,
                len(seconds[stage.id]),
                failed[stage.id],
                median(seconds[stage.id]) if seconds[stage.id] else 0.0,
                max(seconds[stage.id], default=0.0),
            )
            for stage in STAGES
        ),
    )
