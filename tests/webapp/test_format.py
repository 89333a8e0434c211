"""How sizes, rates and times are said."""

from datetime import UTC, datetime, timedelta

import pytest

from webapp import format as say


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "—"),
        (0, "0 B"),
        (999, "999 B"),
        (999.6, "1 kB"),
        (1_200_000_000, "1.2 GB"),
        (86_000_000, "86 MB"),
        (999_700, "1 MB"),
        (9_960, "10 kB"),
        (3e18, "3000 PB"),
    ],
)
def test_size(value: float | None, words: str) -> None:
    assert say.size(value) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "—"),
        (-3, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (192, "3 min 12 s"),
        (3840, "1 h 04 min"),
        (7200, "2 h"),
        (3 * 86400 + 7200, "3 d 2 h"),
    ],
)
def test_duration(seconds: float | None, words: str) -> None:
    assert say.duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "a moment left"), (22, "22 s left"), (240, "4 min left"), (7300, "2 h left")],
)
def test_left(seconds: float, words: str) -> None:
    assert say.left(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(58, "0:58"), (596, "9:56"), (3847, "1:04:07"), (59.7, "1:00")]
)
def test_clock(seconds: float, words: str) -> None:
    assert say.clock(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "now"),
        (59, "now"),
        (61, "1 min"),
        (3 * 3600 + 9, "3 h"),
        (25 * 3600, "yesterday"),
        (3 * 86400, "3 d"),
        (30 * 86400, "21 Oct 2026"),
    ],
)
def test_ago(seconds: float, words: str) -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert say.ago(now - timedelta(seconds=seconds), now) == words
    assert say.ago((now - timedelta(seconds=seconds)).replace(tzinfo=None), now) == words
    long = {"now": "just now", "1 min": "1 min ago", "3 h": "3 h ago", "3 d": "3 d ago"}
    assert say.ago_long(now - timedelta(seconds=seconds), now) == long.get(words, words)


@pytest.mark.parametrize(
    ("number", "words"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (22, "22nd")]
)
def test_ordinal(number: int, words: str) -> None:
    assert say.ordinal(number) == words


def test_speed_and_bitrate() -> None:
    assert say.speed(1.84) == "1.8\N{MULTIPLICATION SIGN} real time"
    assert say.speed(0.04) == "0.04\N{MULTIPLICATION SIGN} real time"
    assert say.speed(0.001) == "0.01\N{MULTIPLICATION SIGN} real time"
    assert say.speed(None) == ""
    assert say.bitrate(4_600_000) == "4.6 Mb/s"
    assert say.bitrate(0) == "—"
