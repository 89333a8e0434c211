"""Words put together to sentences: by punctuation where there is some, and by pauses."""

import re
from collections.abc import Sequence

from tasks.analysis.values import Sentence, Word
from tasks.analysis.writing import written

#: Seconds without a word that end a sentence.
PAUSE = 0.7
#: Words after which a sentence ends at the next breath, and after which it ends anyway.
LONG, LONGEST = 25, 45
BREATH = 0.2
_END = re.compile(r"[.!?…。？！]+[\"'”’)\]]*$")  # noqa: RUF001 (as Chinese and Japanese have them)


def sentences(words: Sequence[Word]) -> tuple[Sentence, ...]:
    """The words as sentences, in order; each begins with a capital letter."""
    found: list[Sentence] = []
    current: list[Word] = []
    for number, word in enumerate(words):
        current.append(word)
        following = words[number + 1] if number + 1 < len(words) else None
        if following is None or _ends(current, following):
            found.append(_sentence(current))
            current = []
    return tuple(found)


def _ends(current: Sequence[Word], following: Word) -> bool:
    pause = following.start - current[-1].end
    if _END.search(current[-1].text) or pause >= PAUSE or len(current) >= LONGEST:
        return True
    return len(current) >= LONG and pause >= BREATH


def _sentence(words: Sequence[Word]) -> Sentence:
    text = written(word.text for word in words)
    return Sentence(text=text[:1].upper() + text[1:], start=words[0].start, end=words[-1].end)
