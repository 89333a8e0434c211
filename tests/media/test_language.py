"""Languages: their tags, their own names, and which one a text is in."""
# ruff: noqa: RUF001

import pytest

from tasks.media.language import UNKNOWN, label, name_of, tag
from tasks.subtitles.detect import detect

TAGS = [
    ("de", "de"),
    ("ger", "de"),
    ("deu", "de"),
    ("eng", "en"),
    ("pt_br", "pt-BR"),
    ("zh-hant", "zh-Hant"),
    ("EN-us", "en-US"),
    (" fr ", "fr"),
    ("und", None),
    ("mul", None),
    ("zxx", None),
    ("", None),
    ("xx", None),
    ("english", None),
    ("de-", None),
    ('de",URI="x', None),
    ("a" * 300, None),
]


@pytest.mark.parametrize(("given", "expected"), TAGS)
def test_tags(given: str, expected: str | None) -> None:
    assert tag(given) == expected


NAMES = {
    "de": "Deutsch",
    "es": "Español",
    "en": "English",
    "fr": "Français",
    "ru": "Русский",
    "ja": "日本語",
    "pt-BR": "Português (Brasil)",
    UNKNOWN: "Unknown language",
}


@pytest.mark.parametrize("language", NAMES)
def test_a_language_is_called_what_it_calls_itself(language: str) -> None:
    assert label(language) == NAMES[language]


def test_what_a_source_says_beyond_the_language_is_kept() -> None:
    assert name_of("de", "") == name_of("de", "German") == name_of("de", "Deutsch") == "Deutsch"
    assert name_of("de", "SDH") == "Deutsch (SDH)"
    assert name_of(UNKNOWN, "Director's commentary") == "Director's commentary"


SAYINGS = {
    "de": "Guten Tag, wie geht es Ihnen heute? Ich hoffe, es geht Ihnen gut.",
    "en": "Good morning, how are you today? I hope that you are well.",
    "es": "Buenos días, ¿cómo está usted hoy? Espero que se encuentre bien.",
    "ru": "Доброе утро, как вы сегодня? Надеюсь, у вас всё хорошо.",
    "ja": "おはようございます。今日はお元気ですか。元気だといいのですが。",
    "sv": "God morgon, hur mår du i dag? Jag hoppas att du mår bra.",
}


@pytest.mark.parametrize("language", SAYINGS)
def test_the_language_of_a_text_is_found(language: str) -> None:
    assert detect(SAYINGS[language]) == language


def test_a_few_words_are_in_no_language() -> None:
    assert detect("Ok.") == detect("1984 – 2001!") == detect("") == UNKNOWN
