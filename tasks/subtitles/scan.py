"""Where a subtitle file is broken: its blocks with their line numbers, and every time line read.

The webvtt library then reads what is known to be sound; it passes over what it cannot read, and a
person wants to know the line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tasks.errors import BadInput

#: A subtitle file's largest size in bytes; a film's dialogue takes about 100 kB.
MAX_BYTES = 10 * 1024**2

ARROW = "-->"
_TIME = re.compile(r"(?:(\d{1,6}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})")
_LINE = re.compile(rf"\s*({_TIME.pattern})[ \t]*-->[ \t]*({_TIME.pattern})(?=\s|$)(.*)")
_NOT_CUES = ("NOTE", "STYLE", "REGION")
_WEB_PAGE = re.compile(r"\s*(<!doctype\s+html|<html|<\?xml)", re.IGNORECASE)
#: Characters of a wrong line that an error repeats.
_SHOWN = 60
#: No film is longer, in milliseconds.
_LATEST = 100 * 3600 * 1000


@dataclass(frozen=True)
class Block:
    """One cue as it stands in the file: ``line`` of its time line, times in milliseconds, and
    ``rest`` what stands behind them."""

    line: int
    start: int
    end: int
    rest: str
    payload: tuple[str, ...]


def is_vtt(text: str) -> bool:
    """Whether a text says that it is WebVTT."""
    return re.match(r"\ufeff?WEBVTT(?=[ \t\r\n]|$)", text) is not None


def scan(text: str, *, vtt: bool) -> list[Block]:
    """All cues, in the order of the file. Raises BadInput with the line of what is wrong."""
    if _WEB_PAGE.match(text):
        raise BadInput("Line 1: this is a web page or XML, not a subtitle file.")
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if vtt and not is_vtt(text):
        raise BadInput("Line 1: a WebVTT file begins with the word WEBVTT, and this one does not.")
    blocks: list[Block] = []
    more: list[str] = []  # lines of the last block that came after an empty one
    for first, content in _split(lines, 1 if vtt else 0):
        if vtt and content[0].split(" ")[0].split("\t")[0] in _NOT_CUES:
            continue
        place = next((n for n, line in enumerate(content[:2]) if ARROW in line), None)
        if place is not None:
            _extend_last(blocks, more)
            blocks.append(_block(first + place, content[place], content[place + 1 :]))
        elif not vtt and blocks and not content[0].strip().isdigit():
            # SubRip has cues with empty lines in them.
            more += content
        elif first == 2 and vtt:
            continue  # lines of the header
        else:
            wrong = content[1] if content[0].strip().isdigit() and len(content) > 1 else content[0]
            number = first + content.index(wrong)
            raise BadInput(
                f"Line {number}: here should be times like 00:00:01,000 --> 00:00:02,000,"
                f" and there is “{_shown(wrong)}”."
            )
    if not blocks:
        raise BadInput("There is not a single cue in the file.")
    _extend_last(blocks, more)
    return blocks


def _extend_last(blocks: list[Block], more: list[str]) -> None:
    if more:
        blocks[-1] = replace(blocks[-1], payload=(*blocks[-1].payload, *more))
        more.clear()


def _split(lines: list[str], skipped: int) -> Iterator[tuple[int, list[str]]]:
    """(number of the first line, lines) of everything between empty lines."""
    block: list[str] = []
    for number, line in enumerate(lines, 1):
        if number <= skipped:
            continue
        starts = bool(block) and _begins_cue(lines, number - 1)
        if (not line.strip() or starts) and block:
            yield number - len(block), block
            block = []
        if line.strip():
            block.append(line)
    if block:
        yield len(lines) + 1 - len(block), block


def _begins_cue(lines: list[str], index: int) -> bool:
    """Whether a cue begins here though no empty line came before it: a counter, then times."""
    follows = lines[index + 1] if index + 1 < len(lines) else ""
    return lines[index].strip().isdigit() and _LINE.match(follows) is not None


def _block(number: int, line: str, payload: list[str]) -> Block:
    match = _LINE.match(line)
    if match is None:
        raise BadInput(f"Line {number}: “{_shown(line)}” is no time line.")
    start, end = _milliseconds(match.groups()[1:5]), _milliseconds(match.groups()[6:10])
    if start is None or end is None:
        raise BadInput(f"Line {number}: “{_shown(line)}” has minutes or seconds above 59.")
    if end < start:
        raise BadInput(f"Line {number}: the cue ends before it begins (“{_shown(line)}”).")
    if end > _LATEST:
        raise BadInput(f"Line {number}: no film is as long as “{_shown(line)}” says.")
    if any(ARROW in other for other in payload):
        offset = next(n for n, other in enumerate(payload, 1) if ARROW in other)
        raise BadInput(f"Line {number + offset}: times stand in the middle of a cue.")
    return Block(number, start, end, match.groups()[10].strip(), tuple(payload))


def _milliseconds(fields: tuple[str | None, ...]) -> int | None:
    hours, minutes, seconds, rest = fields
    if int(minutes or 0) > 59 or int(seconds or 0) > 59:
        return None
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    return whole * 1000 + int((rest or "0").ljust(3, "0"))


def _shown(line: str) -> str:
    line = " ".join(line.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
