"""Names of uploaded files, as shown and as keys."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.intake.file_names import MAX_NAME, safe_name, shown_name


@pytest.mark.parametrize(
    ("given_name", "shown", "safe"),
    [
        ("film.mp4", "film.mp4", "film.mp4"),
        ("My Film (1).MOV", "My Film (1).MOV", "My-Film-1.mov"),
        ("../../etc/passwd", "passwd", "passwd"),
        ("C:\\Users\\a\\film.mp4", "film.mp4", "film.mp4"),
        ("été à la mer.mkv", "été à la mer.mkv", "ete-a-la-mer.mkv"),
        ("映画.mp4", "映画.mp4", "video.mp4"),
        ("a\r\nSet-Cookie: x.mp4", "aSet-Cookie: x.mp4", "aSet-Cookie-x.mp4"),
        ("exe\u202e4pm.mp4", "exe4pm.mp4", "exe4pm.mp4"),
        (".mp4", ".mp4", "video.mp4"),
        ("..", "untitled", "untitled"),
        ("", "untitled", "untitled"),
        ("\x00", "untitled", "untitled"),
        ("a.b.c.tar.gz", "a.b.c.tar.gz", "a-b-c-tar.gz"),
    ],
)
def test_names(given_name: str, shown: str, safe: str) -> None:
    assert shown_name(given_name) == shown
    assert safe_name(given_name) == safe


def test_a_long_name_keeps_its_ending() -> None:
    assert shown_name("x" * 400 + ".mp4") == "x" * (MAX_NAME - 4) + ".mp4"
    assert safe_name("x" * 400 + ".mp4").endswith("x.mp4")


@given(st.text())
def test_any_name_makes_a_safe_one(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_-]{0,79}(\.[a-z0-9]{1,8})?", safe_name(name))
    assert 1 <= len(shown_name(name)) <= MAX_NAME
    assert not any(unicodedata.category(c).startswith("Cc") for c in shown_name(name))
