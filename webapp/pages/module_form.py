"""The form in which a module is edited: read, rearranged without saving, and checked."""

from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError
from werkzeug.datastructures import MultiDict

from tasks.analysis.edit import MOST_STEPS, Edited
from tasks.analysis.export import clock, seconds_of
from tasks.models import TrainingModule

_NAMES = {"title": "the title", "summary": "the summary", "start": "the start", "end": "the end"}


class Wrong(Exception):
    """The form cannot be saved as it is; the message says what is wrong."""


@dataclass(frozen=True)
class StepFields:
    """A step as it stands in the form; times as somebody wrote them."""

    id: str = ""
    title: str = ""
    summary: str = ""
    start: str = "0:00.0"
    end: str = ""


@dataclass(frozen=True)
class ModuleForm:
    """The whole form; ``version`` is the one that it began from."""

    version: str
    title: str
    summary: str
    steps: list[StepFields] = field(default_factory=list)

    @classmethod
    def of(cls, module: TrainingModule) -> "ModuleForm":
        """The form of a module as it is."""
        return cls(
            version=str(module.version),
            title=module.title or module.name,
            summary=module.summary or "",
            steps=[
                StepFields(
                    step["id"],
                    step["title"],
                    step["summary"],
                    clock(step["start"]),
                    clock(step["end"]),
                )
                for step in module.steps
            ],
        )

    @classmethod
    def read(cls, values: MultiDict[str, str]) -> "ModuleForm":
        """What a browser sent; never fails."""
        columns = [
            values.getlist(name)[: MOST_STEPS + 1]
            for name in ("step_id", "step_title", "step_summary", "step_start", "step_end")
        ]
        rows = zip(*columns, strict=False)
        return cls(
            version=values.get("version", ""),
            title=values.get("title", ""),
            summary=values.get("summary", ""),
            steps=[StepFields(*row) for row in rows],
        )

    def rearranged(self, command: str) -> "ModuleForm":
        """The form after ``up:2``, ``down:2``, ``remove:2`` or ``add:2`` (after that step)."""
        verb, _, place = command.partition(":")
        steps = list(self.steps)
        at = int(place) if place.isdecimal() and len(place) < 5 else -1
        if verb == "add" and -1 <= at < len(steps) and len(steps) < MOST_STEPS:
            after = steps[at].end if at >= 0 else "0:00.0"
            steps.insert(at + 1, StepFields(start=after, end=_later(after)))
        elif not 0 <= at < len(steps):
            return self
        elif verb == "remove":
            del steps[at]
        elif verb == "up" and at > 0:
            steps[at - 1], steps[at] = steps[at], steps[at - 1]
        elif verb == "down" and at + 1 < len(steps):
            steps[at + 1], steps[at] = steps[at], steps[at + 1]
        return replace(self, steps=steps)

    def edited(self) -> Edited:
        """What is to be saved. Raises Wrong."""
        try:
            steps = [
                {
                    "id": step.id,
                    "title": step.title,
                    "summary": step.summary,
                    "start": seconds_of(step.start),
                    "end": seconds_of(step.end),
                }
                for step in self.steps
            ]
        except ValueError as error:
            raise Wrong(f"{error}.") from None
        body = {"title": self.title, "summary": self.summary, "steps": steps}
        try:
            return Edited.model_validate({"version": self.version, **body})
        except ValidationError as error:
            raise Wrong(_sentence(error.errors()[0])) from None


def _later(text: str) -> str:
    try:
        return clock(seconds_of(text) + 10)
    except ValueError:
        return ""


def _sentence(problem: Any) -> str:
    place = problem["loc"]
    where = f"Step {place[1] + 1}" if place[:1] == ("steps",) and len(place) > 1 else "The module"
    what = problem["msg"].removeprefix("Value error, ")
    part = _NAMES.get(str(place[-1])) if place else None
    return f"{where}: {part}: {what}." if part else f"{where}: {what}."
