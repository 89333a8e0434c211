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


REFUSED = {
    "empty": (b"", "film.srt", "The file is empty."),
    "only spaces": (b" \n\n ", "film.srt", "The file is empty."),
    "only zeros": (bytes(5000), "film.srt", "The file is empty."),
    "no time line": (b"1\nHello there\n", "film.srt", "Line 2: here should be times"),
    "one cue, backwards": (
        b"1\n00:00:03,000 --> 00:00:02,900\nHi\n",
        "film.srt",
        "Line 2: the cue ends before it begins",
    ),
    "header only": (b"WEBVTT\n\nNOTE nothing\n", "film.vtt", "not a single cue"),
    "web page": (b"<!DOCTYPE html>\n<html><body>404</body></html>", "film.srt", "a web page"),
    "binary": (bytes(range(256)) * 40, "film.srt", "binary data"),
    "cut utf-16": ("\ufeff1\n".encode("utf-16-le") + b"\x00", "film.srt", "Line"),
    "huge": (b"1\n" * MAX_BYTES, "film.srt", "larger than the 10,485,760 bytes"),
    "no text": (b"1\n00:00:01,000 --> 00:00:02,000\n\n", "film.srt", "Line 2: the cue has no text"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_without_a_cue_is_refused_with_line_and_reason(name: str) -> None:
    data, filename, reason = REFUSED[name]
    with pytest.raises(BadInput) as caught:
        parse(data, filename)
    assert reason in caught.value.sentence


TWO = SRT.format("a", "b")
VTT = "WEBVTT\n\n00:01.000 --> 00:02.000\na\n\n00:03.000 --> 00:04.000\nb\n"
#: The file, its name's ending, the texts that are taken, and the beginnings of what is said.
PARTLY: dict[str, tuple[str | bytes, str, list[str], list[str]]] = {
    "a cue without times": (
        TWO + "\n3\nNo times\n",
        "srt",
        ["a", "b"],
        ["Line 10: here should be times like 00:00:01,000 --> 00:00:02,000, and there is “No ti"],
    ),
    "a cue without times before others": (
        "1\nNo times\n\n2" + TWO[1:],
        "srt",
        ["a", "b"],
        ["Line 2"],
    ),
    "text first": ("Hello\n\n" + TWO, "srt", ["a", "b"], ["Line 1: here should be times"]),
    "half a time line": (
        TWO.replace("00:00:04,000", "00:00:") + "\n3\n00:00:05,000 --> 00:00:06,000\nc\n",
        "srt",
        ["a", "c"],
        ["Line 6: “00:00:03,000 --> 00:00:” is no time line"],
    ),
    "cut off in the last times": (
        TWO + "\n3\n00:00:05,0",
        "srt",
        ["a", "b"],
        ["Line 10: “00:00:05,0"],
    ),
    "cut off behind the last number": (
        TWO + "\n3\n",
        "srt",
        ["a", "b"],
        ["Line 9: “3” stands alone"],
    ),
    "cut off before the last text": (
        TWO + "\n3\n00:00:05,000 --> 00:00:06,000\n",
        "srt",
        ["a", "b"],
        ["Line 10: the cue has no text"],
    ),
    "ends before it begins": (
        TWO.replace("00:00:04,000", "00:00:02,900"),
        "srt",
        ["a"],
        ["Line 6: the cue ends before it begins"],
    ),
    "no time": (
        TWO.replace("04,000", "03,000"),
        "srt",
        ["a"],
        ["Line 6: the cue ends when it beg"],
    ),
    "minute 61": (
        TWO.replace("00:00:04", "00:61:04"),
        "srt",
        ["a"],
        ["Line 6: “00:00:03,000 --> 00:61"],
    ),
    "a thousand hours": (
        TWO.replace("00:00:04", "1000:00:04"),
        "srt",
        ["a"],
        ["Line 6: no film is as"],
    ),
    "times in a cue": (
        SRT.format("a\n00:00:01,000 --> 00:00:02,000", "b"),
        "srt",
        ["a", "b"],
        ["Line 4: the cue has no text"],
    ),
    "an empty cue": (SRT.format("", "b"), "srt", ["b"], ["Line 2: the cue has no text"]),
    "a number alone": (
        "1\n00:00:01,000 --> 00:00:02,000\na\n\n2\n\n3\n00:00:03,000 --> 00:00:04,000\nb\n",
        "srt",
        ["a", "b"],
        ["Line 5: “2” stands alone, without times"],
    ),
    "an empty line below the number": (
        TWO.replace("2\n00:00:03", "2\n\n00:00:03"),
        "srt",
        ["a", "b"],
        [],
    ),
    "numbers as text": (SRT.format("1984", "12\n\n7"), "srt", ["1984", "12\n7"], []),
    "numbers as text where none count": (
        "00:00:01,000 --> 00:00:02,000\n1984\n00:00:03,000 --> 00:00:04,000\nb\n",
        "srt",
        ["1984", "b"],
        [],
    ),
    "arrows in text": (
        SRT.format("a --> b\n10:30 --> 11:00", "--> c ->"),
        "srt",
        ["a --&gt; b\n10:30 --&gt; 11:00", "--&gt; c -&gt;"],
        [],
    ),
    "no empty lines": (TWO.replace("\n\n", "\n"), "srt", ["a", "b"], []),
    "no numbers": (TWO.replace("1\n0", "0", 1).replace("2\n0", "0"), "srt", ["a", "b"], []),
    "doubled line ends": (
        SRT.format("a\nc", "b").replace("\n", "\r\r\n"),
        "srt",
        ["a\nc", "b"],
        [],
    ),
    "every line end twice": (
        SRT.format("a\nc", "12").replace("\n", "\n\n"),
        "srt",
        ["a\nc", "12"],
        [],
    ),
    "old line ends": (TWO.replace("\n", "\r"), "srt", ["a", "b"], []),
    "mixed line ends": (TWO.replace("\n", "\r\n", 3), "srt", ["a", "b"], []),
    "marks of two joined files": (
        "\ufeff" + TWO + "\n\ufeff" + TWO,
        "srt",
        ["a", "a", "b", "b"],
        [],
    ),
    "points, short fields and spaces": (
        "1\n0:0:1.5 -->0:00:02 , 25\na\n\n2\n00:00:03 -> 00:00:04:000\nb\n",
        "srt",
        ["a", "b"],
        [],
    ),
    "zeros": (
        TWO.replace("a\n", "a\0\0b\n") + "\0" * 4000,
        "srt",
        ["ab", "b"],
        ["Line 3: control char"],
    ),
    "control characters": (
        TWO.replace("a\n", "a\x01b\n"),
        "srt",
        ["ab", "b"],
        ["Line 3: control char"],
    ),
    "the end of an old file": (TWO + "\x1a", "srt", ["a", "b"], []),
    "no header": (
        VTT.removeprefix("WEBVTT\n\n"),
        "vtt",
        ["a", "b"],
        ["Line 1: the word WEBVTT is mis"],
    ),
    "header without an empty line": (
        VTT.replace("WEBVTT\n\n", "\ufeff\nWEBVTT\n"),
        "vtt",
        ["a", "b"],
        [],
    ),
    "WebVTT with commas": (VTT.replace(".", ","), "vtt", ["a", "b"], []),
    "WebVTT without empty lines": (VTT.replace("\n\n", "\n"), "vtt", ["a", "b"], []),
    "WebVTT with every line end twice": (VTT.replace("\n", "\r\n\r\n"), "vtt", ["a", "b"], []),
    "WebVTT with an arrow": (VTT.replace("a\n", "a --> c\n"), "vtt", ["a --&gt; c", "b"], []),
    "WebVTT with an empty line in a cue": (
        VTT.replace("b\n", "b\n\nc\n"),
        "vtt",
        ["a", "b\nc"],
        [],
    ),
    "WebVTT with broken times": (
        VTT.replace("00:03.000 -->", "00:0x.000 -->"),
        "vtt",
        ["a"],
        ["Line 6: “00:0x.000 --> 00:04.000” is no time line"],
    ),
    "a drawing": (
        SRT.format(r"{\an7\p1}m 0 0 l 9 9{\p0}a", r"{\p1}m 1 2"),
        "srt",
        ["a"],
        ["Line 6"],
    ),
    "a letter cut in half": (
        SRT.format(*RUSSIAN).encode().replace("к.".encode(), b"\xd0."),
        "srt",
        [RUSSIAN[0], "Мы идём гулять в пар\ufffd."],
        ["Line 7: bytes that are not valid utf-8"],
    ),
    "one bad byte of Shift JIS": (
        SRT.format(*JAPANESE).encode("shift_jis").replace(b"\n\n2\n", b"\x81\n\n2\n"),
        "srt",
        [JAPANESE[0] + "\ufffd", JAPANESE[1]],
        ["Line 3: bytes that are not valid cp932"],
    ),
    "two encodings": (
        SRT.format(GERMAN[0], "").encode() + SRT.format("", GERMAN[1]).encode("cp1252"),
        "srt",
        [*GERMAN],
        ["Line 6: the cue has no text", "Line 9: the cue has no text"],
    ),
    "utf-16 cut in a letter": (
        TWO.encode("utf-16")[:-1],
        "srt",
        ["a", "b\ufffd"],
        ["Line 7: bytes that"],
    ),
}


@pytest.mark.parametrize("name", PARTLY)
def test_what_can_be_read_is_taken_and_the_rest_is_said(name: str) -> None:
    text, ending, texts, said = PARTLY[name]
    parsed = parse(text if isinstance(text, bytes) else text.encode(), f"film.{ending}")
    assert [cue.text for cue in parsed.track.cues] == texts
    sentences = [part.sentence for part in parsed.left_out]
    assert len(sentences) == len(said), sentences
    for sentence, beginning in zip(sentences, said, strict=True):
        assert sentence.startswith(beginning)


def test_a_bad_cue_among_a_thousand_costs_no_other() -> None:
    cues = [
        f"{n}\n00:{n // 60:02}:{n % 60:02},000 --> 00:{n // 60:02}:{n % 60:02},900\nno {n}\n"
        for n in range(1, 1001)
    ]
    cues[499] = cues[499].replace(" --> ", " ")
    parsed = parse("\n".join(cues).encode(), "film.srt")
    assert [cue.text for cue in parsed.track.cues] == [
        f"no {n}" for n in range(1, 1001) if n != 500
    ]
    (left_out,) = parsed.left_out
    assert left_out.line == 499 * 4 + 2


def test_cues_are_sorted_and_may_overlap() -> None:
    text = "1\n00:00:05,000 --> 00:00:09,000\nlater\n\n2\n00:00:01,000 --> 00:00:06,000\nearlier\n"
    assert parse(text.encode(), "a.srt").track.cues == (
        Cue(1000, 6000, "earlier"),
        Cue(5000, 9000, "later"),
    )


def test_encodings_are_named() -> None:
    assert decode("ä".encode("utf-8-sig")).encoding == "utf-8"
    assert decode(SRT.format(*RUSSIAN).encode("koi8-r")).encoding == "koi8-r"


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
