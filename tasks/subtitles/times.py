"""Time lines of subtitle files, in all the ways that people and programs write them."""

import re
from dataclasses import dataclass

ARROW = "-->"
_ARROW = r"[ \t]*(?:--?|[\u2013\u2014])[ \t]?>[ \t]*"
# Hours are optional where there is a fraction; the fraction is where hours are there.
_TIME = (
    r"(?:(\d{1,6})[ ]?:[ ]?)?(\d{1,2})[ ]?:[ ]?(\d{1,2})[ ]?[.,][ ]?(\d{1,9})"
    r"|(\d{1,6}):(\d{1,2}):(\d{1,2})(?::(\d{3}))?"
)
_LINE = re.compile(rf"\s*(?:{_TIME}){_ARROW}(?:{_TIME})(?=\s|$)(.*)")
#: What was meant as times: one beside the arrow, at the line's beginning or right behind it.
_MEANT = re.compile(
    rf"\s*(?:[-+]?\d{{1,6}}:[\d?x]{{1,2}}[:\d.,;]*|[\d:.,; ]*:[\d:.,; ]*){_ARROW}"
    rf"|\s*[\w:.,;]*{_ARROW}\d{{1,6}}:\d{{1,2}}[:.,]\d"
)
#: A time line that breaks off, or lost its arrow and its end.
_CUT_OFF = re.compile(r"\s*\d{1,6}:\d{1,2}:[\d.,:]*[ \t]*-{0,2}[ \t]*")
#: Characters in which a broken time line is looked for.
_LOOKED_AT = 100
#: Characters of a wrong line that a sentence repeats.
_SHOWN = 60
#: No film is longer, in milliseconds.
_LATEST = 100 * 3600 * 1000


@dataclass(frozen=True)
class Times:
    """A time line: milliseconds, and what stands behind them."""

    start: int
    end: int
    rest: str


def is_times(line: str) -> bool:
    """Whether a line is a time line, whatever its times."""
    return ">" in line and _LINE.match(line) is not None


def was_meant_as_times(line: str) -> bool:
    """Whether a line, where times should be, is a broken time line and not a text."""
    line = line[:_LOOKED_AT]
    return ((">" in line and _MEANT.match(line)) or _CUT_OFF.fullmatch(line)) is not None


def times_of(line: str) -> Times | str:
    """The times of a line, or the reason why they cannot be used."""
    match = _LINE.match(line)
    if match is None:
        return f"“{shown(line)}” is no time line."
    fields = match.groups()
    start = _milliseconds(fields[0:4]) if fields[1] else _milliseconds(fields[4:8])
    end = _milliseconds(fields[8:12]) if fields[9] else _milliseconds(fields[12:16])
    if start is None or end is None:
        return f"“{shown(line)}” has minutes or seconds above 59."
    if end < start:
        return f"the cue ends before it begins (“{shown(line)}”)."
    if end == start:
        return f"the cue ends when it begins (“{shown(line)}”)."
    if end > _LATEST:
        return f"no film is as long as “{shown(line)}” says."
    return Times(start, end, fields[16].strip())


def shown(line: str) -> str:
    """A line as a sentence repeats it."""
    line = " ".join(line.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


def _milliseconds(fields: tuple[str | None, ...]) -> int | None:
    hours, minutes, seconds, rest = fields
    if int(minutes or 0) > 59 or int(seconds or 0) > 59:
        return None
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    return whole * 1000 + int((rest or "0").ljust(3, "0")[:3])
