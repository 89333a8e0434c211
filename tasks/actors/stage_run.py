"""Goes through the stages of an analysis: each is written into the row as it begins and ends.

Every write is a renewal of the lease, so that a worker that lost it writes nothing more and stops.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from pymongo.errors import PyMongoError

from tasks.actors.heartbeat import Heartbeat
from tasks.analysis import stages
from tasks.analysis.providers.provider import Watch
from tasks.analysis.stages import Milestone, StageState
from tasks.errors import OutOfDisk, Stopped, StorageFailed, WorkError
from tasks.feed.announce import announce
from tasks.jobs import lifecycle
from tasks.models import TrainingModule
from tasks.models.clock import now

log = logging.getLogger(__name__)

Found = TypeVar("Found")

#: Trouble of the machine and not of the stage: the whole is tried again later.
_NOT_THE_STAGE = (Stopped, OutOfDisk, StorageFailed, PyMongoError)


class Skip(Exception):
    """A stage has nothing to do; the message says why, or is empty."""


class StageRun:
    """One attempt at a module."""

    def __init__(self, module: TrainingModule, beat: Heartbeat) -> None:
        self.module = module
        self.beat = beat
        self._stages = stages.untouched()
        self._milestones: list[dict[str, Any]] = []
        self.write(stages=self._stages, milestones=[])

    def write(self, **fields: Any) -> None:
        """Writes plain fields of the row. Raises Stopped where it is in other hands."""
        if not lifecycle.renew(self.module, fields):
            self.beat.lost = True
            self.beat.stop.set()
            raise Stopped("The work was stopped.")
        for name, value in fields.items():
            setattr(self.module, name, value)

    def reach(self, milestone: Milestone) -> None:
        """A milestone is passed."""
        entry = {"progress": milestone.progress, "name": milestone.name, "at": now()}
        self._milestones = [*self._milestones, entry]
        progress = max(self.module.progress or 0.0, float(milestone.progress))
        self.write(progress=progress, milestones=self._milestones)
        announce(self.module, "analysisProgress", step=milestone.name)

    def watch(self, stage_id: str) -> Watch:
        """How the work of a stage tells its share, and is told to stop."""
        stage = stages.BY_ID[stage_id]

        def report(share: float) -> None:
            reached = stage.begins + (stage.ends - stage.begins) * share
            self.beat.report(progress=max(self.module.progress or 0.0, round(reached, 1)))

        return Watch(self.beat.stop, report)

    def required(self, stage_id: str, do: Callable[[Watch], Found]) -> Found:
        """Does a stage without which there is no module. Raises what it raises."""
        began = self._begin(stage_id)
        try:
            found = do(self.watch(stage_id))
        except Exception as error:
            if not isinstance(error, _NOT_THE_STAGE):
                self._end(stage_id, StageState.failed, began, _sentence(error))
            raise
        self._end(stage_id, StageState.done, began)
        return found

    def optional(
        self, stage_id: str, do: Callable[[Watch], tuple[Found, str]], otherwise: Found
    ) -> Found:
        """Does a stage that may fail alone; ``do`` gives what it found, and a note of it.

        Raises what is trouble of the machine.
        """
        began = self._begin(stage_id)
        try:
            found, note = do(self.watch(stage_id))
        except Skip as skip:
            self._end(stage_id, StageState.skipped, None, str(skip))
            return otherwise
        except _NOT_THE_STAGE:
            raise
        except Exception as error:
            if not isinstance(error, WorkError):
                log.exception("%s: stage %s", self.module.job_id, stage_id)
            self._end(stage_id, StageState.failed, began, _sentence(error))
            return otherwise
        self._end(stage_id, StageState.done, began, note)
        return found

    def _begin(self, stage_id: str) -> float:
        self._note(stage_id, StageState.running)
        return time.monotonic()

    def _end(self, stage_id: str, state: StageState, began: float | None, note: str = "") -> None:
        seconds = None if began is None else time.monotonic() - began
        self._note(stage_id, state, note, seconds)

    def _note(
        self, stage_id: str, state: StageState, note: str = "", seconds: float | None = None
    ) -> None:
        self._stages = stages.changed(self._stages, stage_id, state, note, seconds)
        stage = stages.BY_ID[stage_id]
        reached = stage.begins if state is StageState.running else stage.ends
        progress = max(self.module.progress or 0.0, reached)
        self.write(stages=self._stages, progress=progress)
        announce(self.module, "analysisProgress", step=stage.name)

    def finished(self) -> dict[str, Any]:
        """The fields by which the completed row tells its stages."""
        milestone = stages.FINAL
        entry = {"progress": milestone.progress, "name": milestone.name, "at": now()}
        return {"stages": self._stages, "milestones": [*self._milestones, entry]}


def _sentence(error: Exception) -> str:
    if isinstance(error, WorkError):
        return error.sentence
    return f"Something unexpected went wrong: {type(error).__name__}: {error}"[:500]
