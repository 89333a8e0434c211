"""Words written one after the other, as their writing has it."""

import re
from collections.abc import Iterable

#: Languages that put no spaces between words, as Whisper calls them.
SPACELESS = frozenset({"zh", "yue", "ja", "th", "lo", "my"})
#: Letters of these, and the punctuation that stands among them.
_LETTER = (
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Burmese
    "\u3000-\u30ff\u31f0-\u31ff"  # punctuation, Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Chinese
    "\uff00-\uffef"  # full-width forms
    "]"
)
_NO_SPACE = re.compile(f"(?<={_LETTER}) (?={_LETTER})")


def written(words: Iterable[str]) -> str:
    """The words as a text; no space stands between letters of writings that have none."""
    return _NO_SPACE.sub("", " ".join(words))
