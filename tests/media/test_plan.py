from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.media.plan import cut, default_chunk_seconds, make_plan, segment_name, segments_in
from tasks.media.source import SourceInfo
from tests.media.values import audio_info, source_info


@pytest.mark.parametrize(
    ("rate", "gop"),
    [
        ("24", 48), ("24000/1001", 48), ("25", 50), ("30000/1001", 60), ("30", 60), ("50", 100),
        ("60000/1001", 120), ("60", 120), ("25/2", 25), ("1/10", 1),
    ],
)  # fmt: skip
def test_a_gop_is_about_two_seconds_and_a_segment_three_gops(rate: str, gop: int) -> None:
    plan = make_plan(source_info(rate=rate, frames=1000))

    assert (plan.gop, plan.segment_frames) == (gop, 3 * gop)
    assert plan.rate.fraction == Fraction(rate)


@settings(deadline=None)
@given(
    frames=st.integers(1, 20_000),
    segment_frames=st.sampled_from([75, 144, 180, 360]),
    target_segments=st.floats(0.5, 50),
)
def test_chunks_cover_every_frame_once(
    frames: int, segment_frames: int, target_segments: float
) -> None:
    chunks = cut(frames, segment_frames, target_segments * segment_frames)

    frame = segment = 0
    for index, chunk in enumerate(chunks):
        assert (chunk.index, chunk.first_frame, chunk.first_segment) == (index, frame, segment)
        assert chunk.frames > 0
        assert chunk.segments == segments_in(chunk.frames, segment_frames)
        frame += chunk.frames
        segment += chunk.segments
    assert frame == frames
    assert all(chunk.frames % segment_frames == 0 for chunk in chunks[:-1])
    _check_growth([chunk.segments for chunk in chunks], target_segments)


def _check_growth(lengths: list[int], target: float) -> None:
    """None is longer than all before it until the target is reached; the rest are alike."""
    ramp = 0
    while ramp < len(lengths) - 1 and lengths[ramp] == max(1, sum(lengths[:ramp])) < target:
        ramp += 1
    rest = lengths[ramp:]
    assert max(rest) - min(rest) <= 1
    assert max(lengths) <= max(2, 1.5 * target)
    assert lengths[0] == 1 or target <= 1 or sum(lengths) == lengths[0]


@pytest.mark.parametrize(
    ("minutes", "seconds"), [(0.5, 24), (6, 24), (10, 30), (20, 60), (120, 60)]
)
def test_chunks_grow_with_the_film(minutes: float, seconds: float) -> None:
    assert default_chunk_seconds(minutes * 60) == seconds


@pytest.mark.parametrize(
    ("seconds", "lengths"),
    [
        (1, [1]),
        (12, [6, 6]),
        (25, [6, 6, 13]),
        (60, [6, 6, 12, 18, 18]),
        (100, [6, 6, 12, 24, 24, 28]),
        (1200, [6, 6, 12, 24, 48, *[60] * 14, *[66] * 4]),
    ],
)
def test_the_first_chunks_are_short_and_grow(seconds: int, lengths: list[int]) -> None:
    plan = make_plan(source_info(rate=25, frames=seconds * 25))

    assert [round(chunk.frames / 25) for chunk in plan.chunks] == lengths


def test_a_variable_rate_is_counted_in_frames_of_the_plan() -> None:
    plan = make_plan(source_info(rate=30, frames=250, is_vfr=True, duration=10.02))

    assert plan.frames == 301
    assert plan.duration == pytest.approx(301 / 30)


def test_rates_above_sixty_are_counted_after_their_reduction() -> None:
    plan = make_plan(source_info(rate=120, frames=1201, duration=1201 / 120))

    assert (plan.rate.fraction, plan.frames) == (60, 600)


@pytest.mark.parametrize(("minutes", "thumbnails"), [(0.1, 6), (1, 60), (10, 100), (120, 720)])
def test_thumbnails_are_neither_too_few_nor_too_many(minutes: float, thumbnails: int) -> None:
    plan = make_plan(source_info(rate=25, frames=round(minutes * 60 * 25)))

    assert plan.thumbnails == thumbnails
    assert (plan.thumbnail_width, plan.thumbnail_height) == (160, 90)


def test_the_default_audio_is_planned() -> None:
    english, french = audio_info(default=False), audio_info(index=2, language="fra")

    plan = make_plan(source_info(english, french))

    assert plan.audio is not None
    assert (plan.audio.stream_index, plan.audio.language) == (2, "fra")


def test_audio_alone_has_no_chunks() -> None:
    song = SourceInfo(
        kind="audio",
        format_name="mp3",
        duration=200.0,
        size=1,
        video=None,
        audio=(audio_info(index=0),),
        subtitles=(),
    )

    plan = make_plan(song)

    assert (plan.kind, plan.chunks, plan.rungs, plan.thumbnails) == ("audio", (), (), 0)
    assert plan.duration == 200
    assert plan.audio is not None


@pytest.mark.parametrize(
    ("frames", "segments"),
    [(1, 1), (149, 1), (150, 1), (151, 1), (161, 1), (162, 2), (299, 2), (301, 2), (312, 3)],
)
def test_a_rest_of_less_than_half_a_second_is_no_segment(frames: int, segments: int) -> None:
    assert segments_in(frames, 150) == segments
    chunks = cut(frames, 150, 10_000)
    assert sum(chunk.frames for chunk in chunks) == frames
    assert sum(chunk.segments for chunk in chunks) == segments


@pytest.mark.parametrize("segment_frames", [6, 30, 150, 360])
@pytest.mark.parametrize("rest", [1, 2, 3])
def test_no_last_segment_lies_within_the_delay_of_b_frames(segment_frames: int, rest: int) -> None:
    assert segments_in(5 * segment_frames + rest, segment_frames) == 5


def test_names() -> None:
    assert segment_name("720p", 12) == "720p/seg_00012.m4s"
