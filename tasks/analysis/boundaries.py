"""Where one step ends and the next begins: by pauses, by cuts, and by what is talked about.

The last is TextTiling (Hearst, 1997): of the sentences before a gap and those after it, how alike
are the words? Where that has a valley, the subject changes.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.analysis.phrases import content_words
from tasks.analysis.values import Sentence

#: Sentences on each side of a gap that are compared.
WINDOW = 4
#: Seconds of silence that count as a whole pause.
WHOLE_PAUSE = 2.5
#: Seconds between a gap and a cut that is taken for the same change.
NEAR = 2.0
#: What each sign weighs; a gap that has all of them scores 1.
PAUSE_WEIGHT, TOPIC_WEIGHT, CUT_WEIGHT = 0.35, 0.4, 0.25
#: Below the first score a gap is one in the middle of a step; from the second on it is clear.
LEAST_SCORE, CLEAR_SCORE = 0.3, 0.5
#: Shortest step in seconds, the usual one, and how many there are at most.
SHORTEST, USUAL, MOST = 4.0, 45.0, 40


@dataclass(frozen=True)
class Gap:
    """A moment at which a step may begin, and how much speaks for it (0 to 1)."""

    at: float
    score: float


def boundaries(
    duration: float,
    sentences: Sequence[Sentence] = (),
    cuts: Sequence[float] = (),
    language: str = "",
) -> tuple[float, ...]:
    """The seconds at which steps begin, the first at 0, in order."""
    gaps = _spoken(sentences, cuts, language) + _shown(_in_silence(sentences, cuts), duration)
    # Long films have longer steps: nobody reads a table of contents of a hundred lines.
    wanted = min(MOST, math.ceil(duration / USUAL))
    shortest = max(SHORTEST, duration / (4 * MOST), min(USUAL / 3, duration / 8))
    chosen: list[float] = [0.0]
    for gap in sorted(gaps, key=lambda gap: (-gap.score, gap.at)):
        if gap.score < LEAST_SCORE or len(chosen) >= max(wanted * 2, 8) or len(chosen) >= MOST:
            break
        # A clear sign may make more steps than usual, a weak one may not.
        if len(chosen) >= wanted and gap.score < CLEAR_SCORE:
            break
        if all(abs(gap.at - at) >= shortest for at in [*chosen, duration]):
            chosen.append(gap.at)
    return tuple(sorted(chosen))


def _spoken(sentences: Sequence[Sentence], cuts: Sequence[float], language: str) -> list[Gap]:
    depths = topic_shifts([sentence.text for sentence in sentences], language)
    found = []
    for before, after, depth in zip(sentences, sentences[1:], depths, strict=False):
        pause = min(1.0, max(0.0, after.start - before.end) / WHOLE_PAUSE)
        near = [cut for cut in cuts if before.end - NEAR / 2 <= cut <= after.start + NEAR / 2]
        score = PAUSE_WEIGHT * pause + TOPIC_WEIGHT * depth + CUT_WEIGHT * bool(near)
        # A cut in the silence is the very moment; else shortly before somebody speaks again.
        at = min(near, key=lambda cut: abs(cut - after.start)) if near else after.start - 0.2
        found.append(Gap(round(max(before.end, min(at, after.start)), 3), min(1.0, score)))
    return found


def _in_silence(sentences: Sequence[Sentence], cuts: Sequence[float]) -> list[float]:
    """The cuts that lie where nobody speaks for longer than the shortest step."""
    ends = [0.0, *(sentence.end for sentence in sentences)]
    starts = [*(sentence.start for sentence in sentences), math.inf]
    silences = [(a, b) for a, b in zip(ends, starts, strict=True) if b - a >= SHORTEST]
    return [cut for cut in cuts if any(a < cut < b for a, b in silences)]


def _shown(cuts: Sequence[float], duration: float) -> list[Gap]:
    """Without words a cut is all there is: the longer the scene before it, the more it says."""
    found, before = [], 0.0
    for cut in cuts:
        length = min(1.0, (cut - before) / min(USUAL, max(SHORTEST, duration / 6)))
        found.append(Gap(cut, LEAST_SCORE + (1 - LEAST_SCORE) * length))
        before = cut
    return found


def topic_shifts(texts: Sequence[str], language: str = "") -> list[float]:
    """For each gap between two texts how much the subject changes there, from 0 to 1."""
    bags = [Counter(content_words(text, language)) for text in texts]
    alike = [
        _cosine(
            sum(bags[max(0, gap - WINDOW) : gap], Counter[str]()),
            sum(bags[gap : gap + WINDOW], Counter[str]()),
        )
        for gap in range(1, len(bags))
    ]
    # How deep the valley is, seen from the next hill on either side.
    depths = []
    for place, here in enumerate(alike):
        left, right = _hill(alike, place, -1), _hill(alike, place, 1)
        depths.append(min(1.0, (left - here) + (right - here)))
    return depths


def _hill(values: Sequence[float], place: int, step: int) -> float:
    height = values[place]
    while 0 <= place + step < len(values) and values[place + step] >= height:
        place += step
        height = values[place]
    return height


def _cosine(one: Counter[str], other: Counter[str]) -> float:
    shared = sum(count * other[word] for word, count in one.items())
    norms = math.sqrt(sum(c * c for c in one.values()) * sum(c * c for c in other.values()))
    return shared / norms if norms else 0.0
