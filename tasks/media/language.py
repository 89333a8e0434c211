"""Languages: their tags (BCP 47), and what each calls itself."""

import langcodes
from langcodes.tag_parser import LanguageTagError

#: Of a text whose language nobody knows.
UNKNOWN = "und"
#: What ISO 639-2 has for "no language", "several" and "not coded".
_NO_LANGUAGE = {"und", "mul", "mis", "zxx"}
LONGEST_TAG = 35


def tag(text: str) -> str | None:
    """The shortest tag of a language: "ger" and "deu" are "de"; None for what is no language."""
    text = text.strip().replace("_", "-")
    if not text or len(text) > LONGEST_TAG:
        return None
    try:
        standard = str(langcodes.standardize_tag(text))
        valid = langcodes.tag_is_valid(standard)
    except (LanguageTagError, ValueError):
        return None
    return standard if valid and standard not in _NO_LANGUAGE else None


def label(language: str) -> str:
    """What a language calls itself, as a menu shows it: "Deutsch", "Español", "日本語"."""
    if language == UNKNOWN:
        return "Unknown language"
    name = str(langcodes.get(language).autonym())
    if name.startswith("Unknown language"):
        return language
    return name[:1].upper() + name[1:]


def name_of(language: str, title: str) -> str:
    """What a menu calls a track: its language, and what its source says beyond that."""
    name = label(language)
    said = " ".join(title.split())[:60]
    known = {name.casefold(), language.casefold()}
    if language != UNKNOWN:
        known.add(str(langcodes.get(language).display_name()).casefold())
    if not said or said.casefold() in known:
        return name
    return said if language == UNKNOWN else f"{name} ({said})"
