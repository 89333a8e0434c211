"""The lines of curl in docs/api.md, in order, and what they say of their answers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"

_BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"([A-Z][A-Z0-9_]*) is (\.[\w.]+)")


@dataclass(frozen=True)
class Line:
    """A command, and variable → place in its answer (``.jobs.0.jobId``) for those after it."""

    command: str
    names: dict[str, str]


def lines(page: str) -> Iterator[Line]:
    """Every command. Raises ValueError for what is neither a curl nor a comment that names."""
    for block in _BLOCK.findall(page):
        command = ""
        names: dict[str, str] = {}
        for line in block.replace("\\\n", "").splitlines():
            if line.startswith("curl "):
                if command:
                    yield Line(command, names)
                command, names = line, {}
            elif line.startswith("# ") and command and (named := _NAMED.findall(line)):
                names |= dict(named)
            else:
                raise ValueError(f"neither curl nor what its answer is called: {line}")
        yield Line(command, names)


def value_at(answer: Any, place: str) -> str:
    """What an answer has at a place. Raises KeyError, IndexError."""
    for step in place.strip(".").split("."):
        answer = answer[int(step)] if isinstance(answer, list) else answer[step]
    return str(answer)
