"""Subtitle files as they come: two formats, many encodings, and broken in many ways."""
# ruff: noqa: RUF001

import pytest

from tasks.errors import BadInput
from tasks.subtitles.cues import Cue, Track, shifted, within
from tasks.subtitles.encoding import decode
from tasks.subtitles.parse import parse, words
from tasks.subtitles.scan import MAX_BYTES

SRT = "1\n00:00:01,000 --> 00:00:02,500\n{}\n\n2\n00:00:03,000 --> 00:00:04,000\n{}\n"
GERMAN = ("Äpfel und Öl für die Größe – schön, daß du da bist!", "Muß das sein? Ja, natürlich.")
FRENCH = ("Ça va ? Où êtes-vous allé cet été ?", "L’œuvre était déjà là, à côté.")
RUSSIAN = ("Привет, как дела? Сегодня хорошая погода.", "Мы идём гулять в парк.")
JAPANESE = ("こんにちは、元気ですか。", "今日はとても天気がいいですね。散歩に行きましょう。")
ENCODINGS = [
    ("utf-8", GERMAN),
    ("utf-8-sig", GERMAN),
    ("utf-16", RUSSIAN),
    ("utf-16-le", GERMAN),
    ("utf-16-be", FRENCH),
    ("utf-32", GERMAN),
    ("windows-1252", GERMAN),
    ("windows-1252", FRENCH),
    ("windows-1252", ("São coisas que não têm explicação.", "Até amanhã, então.")),
    ("windows-1252", ("Det är så här: jag är på väg över ån.", "Vi ses på måndag.")),
    ("windows-1250", ("Zażółć gęślą jaźń. Dzień dobry, jak się masz?", "Dziękuję, dobrze.")),
    ("windows-1251", RUSSIAN),
    ("koi8-r", RUSSIAN),
    ("shift_jis", JAPANESE),
    ("euc_jp", JAPANESE),
    ("gb18030", ("你好，今天天气很好。", "我们去公园散步吧。")),
    ("big5", ("你好，今天天氣很好。", "我們去公園散步吧。")),
    ("euc_kr", ("안녕하세요. 오늘은 날씨가 정말 좋네요.", "산책하러 갑시다.")),
    ("windows-1253", ("Καλημέρα, τι κάνεις σήμερα;", "Πάμε μια βόλτα στο πάρκο.")),
    ("windows-1254", ("Günaydın, bugün hava çok güzel.", "Şimdi dışarı çıkalım.")),
    ("windows-1255", ("שלום, מה שלומך היום?", "מזג האוויר יפה מאוד.")),
    ("windows-1256", ("مرحبا، كيف حالك اليوم؟", "الطقس جميل جدا اليوم")),
]


@pytest.mark.parametrize(("encoding", "lines"), ENCODINGS, ids=[e for e, _ in ENCODINGS])
def test_any_encoding_is_read(encoding: str, lines: tuple[str, str]) -> None:
    parsed = parse(SRT.format(*lines).encode(encoding), "film.srt")
    assert [cue.text for cue in parsed.track.cues] == list(lines)


def test_a_known_language_decides_between_encodings() -> None:
    data = "1\n00:00:01,000 --> 00:00:02,000\nВот это да!\n".encode("koi8-r")
    assert words(parse(data, "film.srt", "ru").track) == "Вот это да!"
    short = "1\n00:00:01,000 --> 00:00:02,000\nสวัสดี\n".encode("cp874")
    assert words(parse(short, "film.srt", "th").track) == "สวัสดี"


def test_a_single_word_is_not_refused_for_its_encoding() -> None:
    data = "1\n00:00:01,000 --> 00:00:02,000\nÄh?\n".encode("cp1252")
    assert words(parse(data, "film.srt").track) == "Äh?"


def test_a_subrip_file_becomes_cues() -> None:
    text = (
        "\ufeff\n\n1\r\n0:00:01,5 --> 00:00:02,500  X1:1 X2:2\r\n<I>Hello</I> <font color='red'>you"
        "</font>\r\n\r\n2\r\n00:00:03,000-->00:00:04,000\r\n{\\an8}Up there\r\n\r\n"
        "and on\r\n3\r\n00:00:05,000 --> 00:00:06,000\r\n1984\r\n"
    )
    track = parse(text.encode(), "film.srt").track
    assert track.cues == (
        Cue(1500, 2500, "<i>Hello</i> you"),
        Cue(3000, 4000, "Up there\nand on", "line:0"),
        Cue(5000, 6000, "1984"),
    )


def test_a_webvtt_file_keeps_what_it_says_beyond_the_text() -> None:
    text = (
        "WEBVTT - Tides\nX-HEADER: 1\n\nREGION\nid:fred\nwidth:40%\n\nSTYLE\n"
        "::cue { color: red }\n\n"
        "NOTE a note --> \n\nintro\n01:02.000 --> 01:03.000 line:0 align:start\n"
        "<v Bob>Tom &amp; Jerry</v>\n\n00:00:01.000 --> 00:00:02.000\n<c.loud>Earlier</c>\n"
    )
    track = parse(text.encode(), "film.vtt").track
    assert track.cues == (
        Cue(1000, 2000, "<c.loud>Earlier</c>"),
        Cue(62000, 63000, "<v Bob>Tom &amp; Jerry</v>", "line:0 align:start"),
    )
    assert track.head == ("REGION\nid:fred\nwidth:40%", "STYLE\n::cue { color: red }")
    assert words(track) == "Earlier\nTom & Jerry"


def test_a_style_that_would_fetch_something_is_left_out() -> None:
    text = (
        "WEBVTT\n\nSTYLE\n::cue { background: URL (https://spy.example/x) }\n\n"
        "STYLE\n@import 'x.css';\n\n00:01.000 --> 00:02.000\nHello\n"
    )
    assert parse(text.encode(), "a.vtt").track.head == ()


HOSTILE = {
    "<script>alert(1)</script>": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<img src=x onerror=alert(1)>": "&lt;img src=x onerror=alert(1)&gt;",
    "a < b && c > d": "a &lt; b &amp;&amp; c &gt; d",
    "<i onclick=x>": "&lt;i onclick=x&gt;",
    "&lt;b&gt; &copy;": "&lt;b&gt; &amp;copy;",
    "<<i>>": "&lt;<i>&gt;",
    "<b": "&lt;b",
}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_only(text: str) -> None:
    data = SRT.format(text, "end").encode()
    assert parse(data, "film.srt").track.cues[0].text == HOSTILE[text]
    if "onclick" not in text:  # a tag of WebVTT may have words behind it, which nobody runs
        vtt = "WEBVTT\n\n" + SRT.format(text, "end").replace(",", ".")
        assert parse(vtt.encode(), "film.vtt").track.cues[0].text == HOSTILE[text]


BROKEN = {
    "empty": (b"", "film.srt", "The file is empty."),
    "only spaces": (b" \n\n ", "film.srt", "The file is empty."),
    "no time line": (b"1\nHello there\n", "film.srt", "Line 2: here should be times"),
    "no time line later": (
        SRT.format("a", "b").encode() + b"\n3\nNo times\n",
        "film.srt",
        "Line 10: here should be times like 00:00:01,000 --> 00:00:02,000, and there is “No times”",
    ),
    "text first": (b"Hello\n\n" + SRT.format("a", "b").encode(), "film.srt", "Line 1: here should"),
    "half a time line": (
        SRT.format("a", "b").replace("00:00:04,000", "00:00:").encode(),
        "film.srt",
        "Line 6: “00:00:03,000 --> 00:00:” is no time line",
    ),
    "backwards": (
        SRT.format("a", "b").replace("00:00:04,000", "00:00:02,900").encode(),
        "film.srt",
        "Line 6: the cue ends before it begins",
    ),
    "minute 61": (
        SRT.format("a", "b").replace("00:00:04", "00:61:04").encode(),
        "film.srt",
        "Line 6: “00:00:03,000 --> 00:61:04,000” has minutes or seconds above 59",
    ),
    "a thousand hours": (
        SRT.format("a", "b").replace("00:00:04", "1000:00:04").encode(),
        "film.srt",
        "Line 6: no film is as long",
    ),
    "times in a cue": (
        SRT.format("a\n00:00:01,000 --> 00:00:02,000", "b").encode(),
        "film.srt",
        "Line 4: times stand in the middle of a cue",
    ),
    "no header": (b"00:01.000 --> 00:02.000\nHello\n", "film.vtt", "Line 1: a WebVTT file begins"),
    "header only": (b"WEBVTT\n\nNOTE nothing\n", "film.vtt", "not a single cue"),
    "a stray block": (
        b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n\nforgotten\n",
        "film.vtt",
        "Line 6: here should be times",
    ),
    "web page": (b"<!DOCTYPE html>\n<html><body>404</body></html>", "film.srt", "a web page"),
    "binary": (bytes(range(256)) * 40, "film.srt", "binary data"),
    "control characters": (b"1\n00:00:01,000 --> 00:00:02,000\na\x01b\n", "f.srt", "Line 3: this"),
    "cut utf-16": ("\ufeff1\n".encode("utf-16-le") + b"\x00", "film.srt", "Line"),
    "huge": (b"1\n" * MAX_BYTES, "film.srt", "larger than the 10,485,760 bytes"),
    "no text": (b"1\n00:00:01,000 --> 00:00:02,000\n\n", "film.srt", "No cue in the file has a"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_with_line_and_reason(name: str) -> None:
    data, filename, reason = BROKEN[name]
    with pytest.raises(BadInput) as caught:
        parse(data, filename)
    assert reason in caught.value.sentence


def test_encodings_are_named() -> None:
    assert decode("ä".encode("utf-8-sig"))[1] == "utf-8"
    assert decode(SRT.format(*RUSSIAN).encode("koi8-r"))[1] == "koi8-r"


def test_a_large_file_is_read_in_seconds() -> None:
    cue = "{}\n00:{:02}:{:02},000 --> 00:{:02}:{:02},900\nNoch ein Satz für die Geschichte.\n\n"
    text = "".join(cue.format(n, n // 60 % 60, n % 60, n // 60 % 60, n % 60) for n in range(60_000))
    assert len(parse(text.encode("cp1252"), "film.srt").track.cues) == 60_000


def test_a_cue_of_many_paragraphs_is_read_as_quickly_as_any_other() -> None:
    # Work that grew with the square of their number would take minutes here.
    lines = "x\n\n" * 200_000
    parsed = parse(f"1\n00:00:01,000 --> 00:00:02,000\nHi\n\n{lines}".encode(), "a.srt")
    assert parsed.track.cues[0].text.count("x") == 200_000


def test_a_track_is_moved_and_cut() -> None:
    track = Track((Cue(0, 900, "a"), Cue(500, 1500, "b"), Cue(3000, 9000, "c")))
    assert shifted(track, -1000).cues == (Cue(0, 500, "b"), Cue(2000, 8000, "c"))
    assert within(track, 4000).cues[-1] == Cue(3000, 4000, "c")
    assert within(track, 3000).cues == track.cues[:2]
