"""A module as a text that people can keep."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

#: What Markdown would read as more than text.
_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~])")


def markdown(title: str, summary: str, steps: Sequence[Mapping[str, Any]], source: str) -> str:
    """The module in Markdown: a heading for each step, with its times."""
    parts = [f"# {_plain(title)}"]
    if summary:
        parts.append(_plain(summary))
    for number, step in enumerate(steps, 1):
        parts.append(f"## {number}. {_plain(step['title'])}")
        parts.append(f"{clock(step['start'])} to {clock(step['end'])}")
        if step.get("summary"):
            parts.append(_plain(step["summary"]))
    parts.append(f"Made from {_plain(source)}.")
    return "\n\n".join(parts) + "\n"


def clock(seconds: float) -> str:
    """A time to the tenth of a second: ``1:04:07.5``, ``0:58.0``."""
    tenths = round(max(0.0, seconds) * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02}.{rest % 10}"
    return f"{hours}:{minutes:02}:{tail}" if hours else f"{minutes}:{tail}"


def seconds_of(text: str) -> float:
    """The seconds of what ``clock`` wrote, or of plain seconds. Raises ValueError."""
    parts = text.strip().replace(",", ".").split(":")
    if not 1 <= len(parts) <= 3 or not all(re.fullmatch(r"\d{1,7}(\.\d{0,6})?", p) for p in parts):
        raise ValueError(f"{text[:20]!r} is no time such as 1:04.5")
    total = 0.0
    for part in parts:
        total = total * 60 + float(part)
    return round(total, 3)


def _plain(text: str) -> str:
    return _MARKS.sub(r"\\\1", " ".join(text.split()))
