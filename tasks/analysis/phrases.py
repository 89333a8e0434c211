"""Key phrases, by RAKE: what stands between stop words, weighed by how words keep company.

Rose et al., "Automatic keyword extraction from individual documents", 2010.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from tasks.analysis.stop_words import stop_words

#: Words of a phrase at most, and letters of a word at least.
LONGEST_PHRASE = 4
SHORTEST_WORD = 3

_WORD = re.compile(r"[^\W\d_][\w'’-]*")  # noqa: RUF001 (the apostrophe that people type)
_BREAK = re.compile(r"[.,;:!?…()\[\]\"“”\n]+")


def content_words(text: str, language: str = "") -> list[str]:
    """The words that say what a text is about, in lower case and in order."""
    stops = stop_words(language)
    return [
        word
        for word in (found.lower() for found in _WORD.findall(text))
        if len(word) >= SHORTEST_WORD and word not in stops
    ]


def key_phrases(
    text: str, language: str = "", *, common: Mapping[str, int] | None = None
) -> list[str]:
    """The phrases of a text, the most telling first.

    ``common`` counts, for each word, the other parts of the whole that have it: what is said
    everywhere tells little of this part.
    """
    phrases = _candidates(text, stop_words(language))
    frequency: Counter[str] = Counter()
    degree: dict[str, int] = defaultdict(int)
    for phrase in phrases:
        for word in phrase:
            frequency[word] += 1
            degree[word] += len(phrase)
    counted = Counter(phrases)
    first = {phrase: place for place, phrase in reversed(list(enumerate(phrases)))}

    def score(phrase: tuple[str, ...]) -> float:
        weight = sum(
            degree[word] / frequency[word] / (1 + (common or {}).get(word, 0)) for word in phrase
        )
        return weight * (1 + counted[phrase]) / 2

    best = sorted(counted, key=lambda phrase: (-score(phrase), first[phrase]))
    return [" ".join(phrase) for phrase in best]


def words_elsewhere(parts: Sequence[str], language: str = "") -> list[Counter[str]]:
    """For each part of a text: of its words, in how many other parts each is."""
    sets = [set(content_words(part, language)) for part in parts]
    everywhere = Counter(word for part in sets for word in part)
    return [Counter({word: everywhere[word] - 1 for word in part}) for part in sets]


def _candidates(text: str, stops: Collection[str]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for stretch in _BREAK.split(text.lower()):
        phrase: list[str] = []
        for word in [*_WORD.findall(stretch), ""]:
            if word and len(word) >= SHORTEST_WORD and word not in stops:
                phrase.append(word)
                continue
            if phrase:
                found.append(tuple(phrase[:LONGEST_PHRASE]))
            phrase = []
    return found
