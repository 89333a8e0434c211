"""Which language a text is in. Loads tens of megabytes, so only what reads subtitles imports it."""

from functools import lru_cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from tasks.media.language import UNKNOWN, tag

#: Letters that a text must have for its language to be more than a guess.
LEAST_LETTERS = 12
#: Characters of a text that are looked at; a film's dialogue is ten times that.
SAMPLE_CHARACTERS = 20_000


def detect(text: str) -> str:
    """The language that a text is in, or UNKNOWN for a few words or none."""
    sample = text[:SAMPLE_CHARACTERS]
    if sum(character.isalpha() for character in sample) < LEAST_LETTERS:
        return UNKNOWN
    return tag(guess(sample)[0]) or UNKNOWN


def guess(text: str) -> tuple[str, float]:
    """The likeliest language (two letters) and how sure that is, 0 to 1."""
    language, probability = _identifier().classify(text)
    return str(language), float(probability)


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    # Some megabytes and the better part of a second: only for whoever asks.
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
