"""Captions out of words: WebVTT, cut where people breathe."""

import html
from collections.abc import Iterator, Sequence

from tasks.analysis.values import Word
from tasks.analysis.writing import written

#: Characters of a line, lines of a cue, and the longest that one stays, in seconds.
LINE, LINES, LONGEST = 42, 2, 6.0
#: Seconds without a word that end a cue.
PAUSE = 0.6
#: Seconds that the last word of a cue stays to be read, where nothing follows.
LINGER = 0.4


def webvtt(words: Sequence[Word]) -> str:
    """The words as a WebVTT file."""
    cues = list(_cues(words))
    parts = ["WEBVTT\n"]
    for number, cue in enumerate(cues):
        end = cue[-1].end + LINGER
        if number + 1 < len(cues):
            end = min(end, cues[number + 1][0].start)
        end = max(end, cue[0].start + 0.1)
        text = html.escape("\n".join(_lines(cue)), quote=False)
        parts.append(f"{_clock(cue[0].start)} --> {_clock(end)}\n{text}\n")
    return "\n".join(parts)


def _cues(words: Sequence[Word]) -> Iterator[list[Word]]:
    cue: list[Word] = []
    for word in words:
        if cue and _full(cue, word):
            yield cue
            cue = []
        cue.append(word)
    if cue:
        yield cue


def _full(cue: Sequence[Word], word: Word) -> bool:
    if word.start - cue[-1].end >= PAUSE or word.end - cue[0].start > LONGEST:
        return True
    return len(_lines([*cue, word])) > LINES


def _lines(cue: Sequence[Word]) -> list[str]:
    lines = [""]
    for word in cue:
        longer = written([lines[-1], word.text]).strip()
        if len(longer) <= LINE or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word.text)
    return lines


def _clock(seconds: float) -> str:
    whole = round(max(0.0, seconds) * 1000)
    minutes, milliseconds = divmod(whole, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"
