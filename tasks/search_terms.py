"""Words by which a job is found: a search is by the beginnings of words, so an index answers it."""

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")
#: Words kept of one job, and characters of a word.
MOST_WORDS = 40
LONGEST_WORD = 40


def words(*texts: str | None) -> list[str]:
    """The words of texts, folded: lower case, no accents, each once."""
    found: dict[str, None] = {}
    for text in texts:
        folded = unicodedata.normalize("NFKD", (text or "").casefold())
        bare = "".join(char for char in folded if not unicodedata.combining(char))
        for word in _WORD.findall(bare):
            found[word[:LONGEST_WORD]] = None
    return list(found)[:MOST_WORDS]
