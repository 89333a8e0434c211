"""Sentences, captions, phrases, boundaries and outlines: pure functions of values."""

import pytest
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from tasks.analysis.boundaries import MOST, boundaries, topic_shifts
from tasks.analysis.captions import LINE, LINES, LONGEST
from tasks.analysis.captions import webvtt as captions
from tasks.analysis.commands import read_cuts
from tasks.analysis.export import clock, markdown, seconds_of
from tasks.analysis.outline import extract_steps, name_of, write_texts
from tasks.analysis.phrases import key_phrases
from tasks.analysis.sentences import sentences
from tasks.analysis.stages import STAGES, StageState, changed, untouched
from tasks.analysis.times import summed
from tasks.analysis.values import Material, Usage, Word

COFFEE = (
    "Grind the coffee beans finely. Fresh coffee beans taste best. Pour the ground coffee into "
    "the filter. Hot water goes over the ground coffee."
)
TYRE = (
    "Loosen the wheel nuts of the car. Lift the car with the jack. Take off the flat tyre from the "
    "wheel. Tighten the nuts of the spare tyre."
)


def spoken(text: str, begin: float = 0.0, pace: float = 0.5) -> list[Word]:
    """Words one after the other, without a pause."""
    return [
        Word(text=word, start=begin + n * pace, end=begin + (n + 1) * pace)
        for n, word in enumerate(text.split())
    ]


def test_sentences_end_at_full_stops_and_pauses() -> None:
    words = [*spoken("first this. then that"), *spoken("after a while", begin=5)]
    found = sentences(words)
    assert [s.text for s in found] == ["First this.", "Then that", "After a while"]
    assert (found[1].start, found[1].end) == (1.0, 2.0)
    assert len(sentences(spoken("word " * 100))) > 2
    assert sentences([]) == ()


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=60),
            st.floats(0, 3),
            st.floats(0.05, 2),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_captions_are_webvtt_with_every_word_in_order(
    given: list[tuple[str, float, float]],
) -> None:
    words, at = [], 0.0
    for text, pause, length in given:
        at += pause
        words.append(Word(text=text, start=at, end=at + length))
        at += length
    text = captions(words)
    cues = text.split("\n\n")[1:]
    # Without spaces: some writings have none between words.
    said = "".join("".join(cue.split("\n")[1:]) for cue in cues).replace(" ", "")
    plain = "".join(word.text for word in words)
    assert _unescaped(said) == plain
    times = []
    for cue in cues:
        clock_line, *lines = cue.strip("\n").split("\n")
        assert len(lines) <= LINES
        assert all(len(line) <= LINE or " " not in line for line in map(_unescaped, lines))
        times.append([_seconds(part) for part in clock_line.split(" --> ")])
    assert all(start < end <= start + LONGEST + 3 for start, end in times)


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _seconds(text: str) -> float:
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def test_words_are_written_as_their_writing_has_it() -> None:
    def text(*words: str) -> str:
        return sentences([Word(text=word, start=0, end=1) for word in words])[0].text

    assert text("We", "say", "你", "好", "吗？") == "We say 你好吗？"  # noqa: RUF001
    assert text("สวัสดี", "ครับ") == "สวัสดีครับ"
    assert text("안녕", "하세요") == "안녕 하세요"
    assert "你好" in captions([Word(text=word, start=0, end=1) for word in "你好"])


def test_captions_are_read_by_others() -> None:
    found = webvtt.from_string(captions(spoken(COFFEE)))
    assert " ".join(" ".join(cue.text.split()) for cue in found.captions) == COFFEE


def test_the_subject_changes_where_the_words_do() -> None:
    texts = [s.text for s in sentences(spoken(f"{COFFEE} {TYRE}"))]
    shifts = topic_shifts(texts)
    assert shifts.index(max(shifts)) == 3


def test_steps_begin_with_another_subject_a_pause_and_a_cut() -> None:
    coffee = spoken(COFFEE, pace=1.0)
    tyre = spoken(TYRE, begin=coffee[-1].end + 3, pace=1.0)
    said = sentences([*coffee, *tyre])
    begins = boundaries(tyre[-1].end, said, cuts=[coffee[-1].end + 2])
    assert coffee[-1].end + 2 in begins
    assert begins[0] == 0
    assert boundaries(60, ()) == (0,)
    assert boundaries(60, (), cuts=[20, 40]) == (0, 20, 40)


@given(st.lists(st.floats(0.1, 7000), max_size=300).map(sorted), st.floats(1, 7200))
def test_steps_are_in_order_and_few(cuts: list[float], duration: float) -> None:
    begins = boundaries(duration, (), [cut for cut in cuts if cut < duration])
    assert list(begins) == sorted(set(begins))
    assert begins[0] == 0
    assert len(begins) <= MOST
    assert all(begin < duration for begin in begins)


def test_titles_are_of_the_words_that_only_that_step_has() -> None:
    coffee = spoken(COFFEE, pace=1.0)
    tyre = spoken(TYRE, begin=coffee[-1].end + 3, pace=1.0)
    said = sentences([*coffee, *tyre])
    material = Material(name="Both", duration=tyre[-1].end, sentences=said, language="en")
    outline = write_texts(material, extract_steps(material))
    titles = " / ".join(step.title for step in outline.steps).lower()
    assert "coffee" in titles
    assert any(word in titles for word in ("tyre", "nuts", "jack", "wheel"))
    assert all(step.summary.endswith(".") for step in outline.steps)
    assert outline.summary


def test_key_phrases_leave_stop_words_out() -> None:
    phrases = key_phrases("The egg whites. And then the egg whites again, with sugar.", "en")
    assert phrases[0] == "egg whites"
    assert "sugar" in phrases
    assert key_phrases("Das Eiweiß und der Zucker", "de") == ["eiweiß", "zucker"]
    assert key_phrases("", "en") == []


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("how_to_brew-coffee.mp4", "How to brew coffee"),
        ("S01E02.final.mkv", "S01E02.final"),
        (".mp4", "Untitled"),
    ],
)
def test_a_file_s_name_becomes_a_title(filename: str, name: str) -> None:
    assert name_of(filename) == name


@given(st.integers(0, 1_000_000))
def test_times_are_read_as_they_are_written(tenths: int) -> None:
    assert seconds_of(clock(tenths / 10)) == pytest.approx(tenths / 10)


@pytest.mark.parametrize("text", ["", "x", "1:2:3:4", "-1", "1e9", "1::2", "nan", "1:2.3.4"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        seconds_of(text)


def test_markdown_takes_texts_for_texts() -> None:
    step = {"title": "# <b>x</b>", "summary": "a*b\n\nc", "start": 0, "end": 65.25}
    text = markdown("T", "", [step], "f.mp4")
    assert "## 1. \\# \\<b\\>x\\</b\\>\n\n0:00.0 to 1:05.2\n\na\\*b c\n" in text


def test_cuts_are_read_as_ffmpeg_writes_them() -> None:
    text = (
        "frame:75 pts:75 pts_time:3\nlavfi.scd.time=3\nlavfi.scd.time=oops\nlavfi.scd.time=0\n"
        "frame:99   pts:99 pts_time:99\nlavfi.scd.time=99\nlavfi.scd.time=3.0001"
    )
    assert read_cuts(text, 50) == (3.0,)


def test_times_of_stages_are_medians() -> None:
    def row(seconds: float, state: StageState = StageState.done) -> dict[str, object]:
        return {"stages": changed(untouched(), "speech", state, seconds=seconds)}

    times = summed([row(1), row(3), row(8), row(2, StageState.failed)])
    speech = next(stage for stage in times.stages if stage.id == "speech")
    assert (speech.done, speech.failed, speech.median, speech.longest) == (3, 1, 3, 8)
    assert [stage.id for stage in times.stages] == [stage.id for stage in STAGES]
    assert summed([]).modules == 0


def test_usage_adds_up() -> None:
    one = Usage(input_tokens=1, cost=0.5)
    assert (one + Usage(input_tokens=2)).cost == 0.5
    assert (Usage() + Usage()).cost is None
