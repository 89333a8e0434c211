"""Words by which a job is found: a search is by the beginnings of words, so an index answers it.

Two words that are frequent each, and rare together, are found by neither. So a row keeps the pairs
of its words too, each as one term. All its words in one line are for an index that is read for
something else, where what does not match is then left out without reading the row.
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import combinations
from typing import Any

_WORD = re.compile(r"[^\W_]+")
#: Words kept of one job, and characters of a word.
MOST_WORDS = 40
LONGEST_WORD = 40
#: Words of one job that are paired; of ten there are 45 pairs.
MOST_PAIRED = 10
#: Begins what stands for a word without pairs; no word has it, nor the space between two.
UNPAIRED = "~"


def words(*texts: str | None) -> list[str]:
    """The words of texts, folded: lower case, no accents, each once."""
    found: dict[str, None] = {}
    for text in texts:
        folded = unicodedata.normalize("NFKD", (text or "").casefold())
        bare = "".join(char for char in folded if not unicodedata.combining(char))
        for word in _WORD.findall(bare):
            found[word[:LONGEST_WORD]] = None
    return list(found)[:MOST_WORDS]


def first_of_pair(word: str) -> tuple[bool, str]:
    """Sorts words as they stand in a pair: numbers, of which there are very many, stand last.

    Of two beginnings, neither of which begins the other, all words follow the same order.
    """
    return "0" <= word[:1] <= "9", word


def pairs(terms: Sequence[str]) -> list[str]:
    """Every two of a row's first words as ``amber harbour``, each further word as ``~word``.

    Never empty, so that rows which have none yet are told apart.
    """
    paired, others = terms[:MOST_PAIRED], terms[MOST_PAIRED:]
    found = [" ".join(two) for two in combinations(sorted(paired, key=first_of_pair), 2)]
    return [*found, *(UNPAIRED + word for word in others)] or [UNPAIRED]


def fields(terms: Sequence[str]) -> dict[str, Any]:
    """What a row has besides its terms: ``term_pairs``, and ``terms_line`` with a space in front
    of each word."""
    return {"term_pairs": pairs(terms), "terms_line": "".join(f" {word}" for word in terms)}
