"""Editing a module: what an editor writes is kept whole, or refused with the newer version."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks.analysis.outline import SUMMARY_LENGTH, TITLE_LENGTH
from tasks.jobs import lifecycle
from tasks.models import Status, TrainingModule
from tasks.models.clock import now
from tasks.records import audit

#: Steps that a module may have.
MOST_STEPS = 100


class Outdated(Exception):
    """Somebody else saved meanwhile; ``module`` is what they left."""

    def __init__(self, module: TrainingModule) -> None:
        who = module.edited_by or "somebody else"
        super().__init__(
            f"{who} saved this module meanwhile: it is version {module.version} now. "
            "Nothing of yours was saved."
        )
        self.module = module


class EditedStep(BaseModel):
    """A step as an editor wants it; a new one has no ``id``. Times are in seconds."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    id: Annotated[str, Field(max_length=40)] = ""
    title: Annotated[str, Field(min_length=1, max_length=TITLE_LENGTH)]
    summary: Annotated[str, Field(max_length=SUMMARY_LENGTH)] = ""
    start: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    end: Annotated[float, Field(gt=0, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _forwards(self) -> "EditedStep":
        if self.end <= self.start:
            raise ValueError("a step ends after it begins")
        return self


class Edited(BaseModel):
    """A module as an editor wants it; ``version`` is the one that the editor saw."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    version: Annotated[int, Field(ge=1, le=2**31)]
    title: Annotated[str, Field(min_length=1, max_length=TITLE_LENGTH)]
    summary: Annotated[str, Field(max_length=SUMMARY_LENGTH)] = ""
    steps: Annotated[list[EditedStep], Field(max_length=MOST_STEPS)]


def beyond(module: TrainingModule, steps: Sequence[EditedStep]) -> str | None:
    """The sentence that says which step lies outside of the video, or None."""
    for number, step in enumerate(steps, 1):
        # A length that is shown has been rounded.
        if module.duration and step.end > module.duration + 0.5:
            return f"Step {number} ends after the video, which is {module.duration:.1f} s long."
    return None


def save(module_id: str, edited: Edited, who: str) -> TrainingModule:
    """The module as it is saved. Steps keep the pictures that they had.

    Raises NotFound, Conflict (of tasks.jobs.lifecycle) where it is not ready, Outdated.
    """
    module = lifecycle.find(TrainingModule, module_id)
    if module.status != Status.completed:
        raise lifecycle.Conflict(f"This module is {module.status}: only a ready one is edited.")
    before = {step["id"]: step for step in module.steps}
    fields = {
        "title": edited.title,
        "summary": edited.summary,
        "steps": [_step(step, before, module.duration) for step in edited.steps],
        "edited_by": who,
        "edited_at": now(),
    }
    editable = TrainingModule.objects(
        job_id=module_id, status=Status.completed.value, version=edited.version
    )
    changes = {f"set__{name}": value for name, value in fields.items()}
    saved: TrainingModule | None = editable.modify(inc__version=1, new=True, **changes)
    if saved is None:
        raise Outdated(lifecycle.find(TrainingModule, module_id))
    kind = TrainingModule.unit_kind
    audit.record(who, "edit", kind=kind, target=module_id, detail=f"Version {saved.version}.")
    return saved


def _step(
    step: EditedStep, before: Mapping[str, Mapping[str, Any]], duration: float | None
) -> dict[str, Any]:
    kept = before.get(step.id, {})
    return {
        "id": step.id if kept else uuid.uuid4().hex[:12],
        "title": step.title,
        "summary": step.summary,
        "start": step.start,
        "end": min(step.end, duration) if duration else step.end,
        "picture_key": kept.get("picture_key"),
    }
