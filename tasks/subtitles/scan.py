"""A subtitle file's text to its cues as they stand there, as players take it.

What can be read is taken. What is left out is told with its line, for whoever mends the file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from tasks.errors import BadInput
from tasks.subtitles.times import Times, is_times, shown, times_of, was_meant_as_times

#: A subtitle file's largest size in bytes; a film's dialogue takes about 100 kB.
MAX_BYTES = 10 * 1024**2

#: What begins a block that is no cue.
_NOT_CUES = ("NOTE", "STYLE", "REGION")
_HEADER = re.compile(r"\s*WEBVTT(?=[ \t\r\n]|$)")
_WEB_PAGE = re.compile(r"\s*(<!doctype\s+html|<html|<\?xml)", re.IGNORECASE)
_EXAMPLE = "here should be times like 00:00:01,000 --> 00:00:02,000, and there is"

#: Ends of lines, also those to which a program added another carriage return.
LINE_END = re.compile(r"\r{0,2}\n|\r")

#: A line with its number in the file, which counts from one.
Numbered = tuple[int, str]


@dataclass(frozen=True)
class Block:
    """One cue as it stands in the file: ``line`` of its time line, times in milliseconds, and
    ``rest`` what stands behind them."""

    line: int
    start: int
    end: int
    rest: str
    payload: tuple[str, ...]


@dataclass(frozen=True)
class LeftOut:
    """A part of the file that is not taken: where it is, and why."""

    line: int
    reason: str

    @property
    def sentence(self) -> str:
        return f"Line {self.line}: {self.reason}"


@dataclass(frozen=True)
class Scanned:
    """Cues in the order of the file, styles and regions as blocks of lines, and what is left out
    by its line."""

    blocks: tuple[Block, ...]
    head: tuple[tuple[str, ...], ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def is_vtt(text: str) -> bool:
    """Whether a text says that it is WebVTT."""
    return _HEADER.match(text.removeprefix("\ufeff")) is not None


def scan(text: str, *, vtt: bool) -> Scanned:
    """All cues that can be read. Raises BadInput with line and reason where there are none."""
    if _WEB_PAGE.match(text):
        raise BadInput("Line 1: this is a web page or XML, not a subtitle file.")
    lines = _lines(text)
    reader = _Reader(vtt=vtt)
    if vtt:
        lines = _without_header(lines)
    for paragraph, following in pairwise([*_paragraphs(lines), []]):
        reader.take(paragraph, following)
    found = reader.scanned()
    if not found.blocks:
        if found.left_out:
            raise BadInput(found.left_out[0].sentence)
        raise BadInput("There is not a single cue in the file.")
    return found


def _lines(text: str) -> list[Numbered]:
    """The lines, without the empty ones that doubled line ends put between them."""
    lines = [(n, line.strip("\ufeff")) for n, line in enumerate(LINE_END.split(text), 1)]
    filled = [bool(line.strip()) for _, line in lines]
    if any(a and b for a, b in pairwise(filled)):
        return lines
    # No two lines stand together, so no time line has its text below it.
    return [line for n, line in enumerate(lines) if filled[n] or n == 0 or not filled[n - 1]]


def _without_header(lines: list[Numbered]) -> list[Numbered]:
    """What follows the word WEBVTT and the lines of its block."""
    begin = next(n for n, (_, line) in enumerate(lines) if line.strip()) + 1
    while begin < len(lines) and lines[begin][1].strip() and not _is_time(lines, begin):
        begin += 1
    return lines[begin:]


def _paragraphs(lines: list[Numbered]) -> Iterator[list[Numbered]]:
    """The lines between empty ones; a cue begins a paragraph without an empty line, too."""
    counted = _are_counted(lines)
    block: list[Numbered] = []
    timed = False
    for index, line in enumerate(lines):
        if not line[1].strip():
            if block:
                yield block
            block, timed = [], False
            continue
        is_time = _is_time(lines, index)
        counter = counted and _number(line[1]) is not None and _is_time(lines, index + 1)
        # One line above the times is the cue's name or number.
        if block and (counter or (is_time and (timed or len(block) > 1))):
            yield block
            block, timed = [], False
        block.append(line)
        timed = timed or is_time
    if block:
        yield block


def _are_counted(lines: list[Numbered]) -> bool:
    """Whether most cues have a number above their times: else such a number is a text."""
    times = [index for index, (_, line) in enumerate(lines) if is_times(line)]
    numbers = sum(1 for index in times if index and _number(lines[index - 1][1]) is not None)
    return numbers * 2 > len(times)


def _is_time(lines: list[Numbered], index: int) -> bool:
    """Whether times are here, or broken ones where times should be."""
    if index >= len(lines):
        return False
    if is_times(lines[index][1]):
        return True
    above = lines[index - 1][1] if index else ""
    should_be = not above.strip() or _number(above) is not None
    return should_be and was_meant_as_times(lines[index][1])


def _number(line: str) -> int | None:
    line = line.strip()
    return int(line) if line.isdecimal() and len(line) < 10 else None


@dataclass
class _Open:
    """A cue that may still get lines."""

    line: int
    times: Times
    payload: list[str] = field(default_factory=list)


class _Reader:
    """Makes cues of paragraphs."""

    def __init__(self, *, vtt: bool) -> None:
        self._vtt = vtt
        self._cues: list[_Open] = []
        self._head: list[tuple[str, ...]] = []
        self._left_out: list[LeftOut] = []
        self._next_number: int | None = 1
        #: Whether the lines that follow belong to a cue that was left out.
        self._dropping = False

    def take(self, paragraph: list[Numbered], following: list[Numbered]) -> None:
        """Takes the next paragraph of the file; ``following`` is the one behind it."""
        first = paragraph[0][1]
        if self._vtt and first.split(" ")[0].split("\t")[0] in _NOT_CUES:
            if not first.startswith("NOTE"):
                self._head.append(tuple(line for _, line in paragraph))
            return
        place = next((n for n in range(2) if _is_time(paragraph, n)), -1)
        number = _number(first)
        if place < 0:
            alone = len(paragraph) == 1 and number is not None
            if alone and number == self._next_number and _is_time(following, 0):
                return  # the number of the next cue, above an empty line
            self._take_more(paragraph)
            return
        self._next_number = number + 1 if place and number is not None else None
        if place and number is None and not self._vtt:
            self._take_more(paragraph[:1])
        self._begin(*paragraph[place], [line for _, line in paragraph[place + 1 :]])

    def scanned(self) -> Scanned:
        """All that was taken so far."""
        blocks = []
        for cue in self._cues:
            if any(line.strip() for line in cue.payload):
                times = cue.times
                payload = tuple(cue.payload)
                blocks.append(Block(cue.line, times.start, times.end, times.rest, payload))
            else:
                self._leave_out(cue.line, "the cue has no text.")
        left_out = tuple(sorted(self._left_out, key=lambda part: part.line))
        return Scanned(tuple(blocks), tuple(self._head), left_out)

    def _begin(self, line: int, text: str, payload: list[str]) -> None:
        times = times_of(text)
        self._dropping = isinstance(times, str)
        if isinstance(times, str):
            self._leave_out(line, times)
        else:
            self._cues.append(_Open(line, times, payload))

    def _take_more(self, paragraph: list[Numbered]) -> None:
        """Takes lines without times: files have cues with empty lines in them."""
        line, first = paragraph[0]
        number = _number(first)
        if number is not None and (number == self._next_number or not self._cues):
            self._next_number = number + 1
            self._dropping = True
            if len(paragraph) == 1:
                self._leave_out(line, f"“{number}” stands alone, without times.")
            else:
                self._leave_out(paragraph[1][0], f"{_EXAMPLE} “{shown(paragraph[1][1])}”.")
        elif self._dropping:
            return
        elif not self._cues:
            self._leave_out(line, f"{_EXAMPLE} “{shown(first)}”.")
        else:
            self._cues[-1].payload += [text for _, text in paragraph]

    def _leave_out(self, line: int, reason: str) -> None:
        self._left_out.append(LeftOut(line, reason))
