"""Titles that videos belong to: found by name, and made on the spot."""

import re
import uuid
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from tasks.models import Title

Name = Annotated[
    str,
    # Tabs, line breaks and other control characters would break every list a name is in.
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$"
    ),
]
Number = Annotated[int, Field(ge=1, le=100_000, strict=True)]


class UnknownParent(Exception):
    """The season that an episode should belong to isn't there."""


class NewTitle(BaseModel):
    """What a title is made of. A season names its ``series`` (the show) and its number; an
    episode its season (``parentId``) and its number."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    kind: Literal["film", "season", "episode"]
    name: Name
    series: Name | None = None
    parent_id: Annotated[str | None, Field(alias="parentId", max_length=100)] = None
    number: Number | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "NewTitle":
        given = {
            name for name in ("series", "parent_id", "number") if getattr(self, name) is not None
        }
        needed = {"film": set(), "season": {"series", "number"}, "episode": {"parent_id", "number"}}
        words = {"series": "a series", "parent_id": "its season (parentId)", "number": "a number"}
        if missing := needed[self.kind] - given:
            raise ValueError(f"this needs {' and '.join(sorted(words[m] for m in missing))}")
        if extra := given - needed[self.kind]:
            raise ValueError(
                f"a {self.kind} has not {' or '.join(sorted(words[m] for m in extra))}"
            )
        return self


def create_title(new: NewTitle) -> Title:
    """Makes the title; one that is the same already is returned instead. Raises UnknownParent."""
    series = new.series
    if new.kind == "episode":
        season = Title.objects(title_id=new.parent_id, kind="season").first()
        if season is None:
            raise UnknownParent("There is no such season.")
        series = season.series
    same = Title.objects(
        kind=new.kind, name=new.name, series=series, parent_id=new.parent_id, number=new.number
    ).first()
    if same is not None:
        found: Title = same
        return found
    title = Title(
        title_id=str(uuid.uuid4()),
        kind=new.kind,
        name=new.name,
        series=series,
        parent_id=new.parent_id,
        number=new.number,
        created_at=datetime.now(UTC),
    )
    title.save(force_insert=True)
    return title


def search_titles(words: str, limit: int) -> list[Title]:
    """Titles whose name or series has every word, by name; all of them for no words."""
    found = Title.objects
    if not all(word.isprintable() for word in words.split()):
        return []  # No title has such a name, and MongoDB refuses a NUL in a pattern.
    for word in words.split()[:8]:
        pattern = {"$regex": re.escape(word), "$options": "i"}
        found = found(__raw__={"$or": [{"name": pattern}, {"series": pattern}]})
    return list(found.order_by("series", "number", "name").limit(limit))


def label(title: Title) -> str:
    """The title in one line, as lists of choices show it."""
    if title.kind == "season":
        return f"{title.series} · Season {title.number} · {title.name}"
    if title.kind == "episode":
        return f"{title.series} · Episode {title.number} · {title.name}"
    return str(title.name)
