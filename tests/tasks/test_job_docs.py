"""docs/jobs.md says of states and actions what the code does."""

import re
from pathlib import Path

from tasks.errors import Category
from tasks.jobs.allowed import ALLOWED
from tasks.models import NEXT

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "jobs.md").read_text(encoding="utf-8")


def rows(title: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\|(.*)\|$", section, re.MULTILINE)[2:]
    return [[cell.strip() for cell in line.split("|")] for line in lines]


def test_the_states_and_what_may_follow_each() -> None:
    told = {status: set(following.split(", ")) for status, _, following in rows("States")}
    assert told == {status.value: {s.value for s in after} for status, after in NEXT.items()}


def test_the_actions_and_when_each_is_allowed() -> None:
    told = {action: set(when.split(", ")) for action, when, _ in rows("Actions")}
    assert told == {action.value: {s.value for s in when} for action, when in ALLOWED.items()}


def test_the_categories_of_failure() -> None:
    for category in Category:
        assert f"`{category.value}`" in PAGE
