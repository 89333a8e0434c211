"""Chunks encoded apart make one stream: every frame of the source once, in order, in its place."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from tasks.media.presentation import check_presentation
from tasks.media.tools import Tools
from tests.media.clips import X264, numbered_clip, packet_times, read_numbers, transcode

RATES = ["24", "24000/1001", "25", "30000/1001", "30", "60000/1001", "60"]


def three_chunks(rate: str) -> int:
    """Frames of two whole chunks of six seconds, and one that ends in the middle of a GOP."""
    segment = 3 * round(2 * Fraction(rate))
    return 2 * segment + segment // 2 + 7


@pytest.mark.parametrize("rate", RATES)
def test_each_frame_of_the_source_is_in_the_stream_once(
    tools: Tools, tmp_path: Path, rate: str
) -> None:
    frames = three_chunks(rate)
    source = numbered_clip(tools, tmp_path / "source.mp4", rate, frames)

    stream = transcode(tools, source, tmp_path / "out")

    assert len(stream.plan.chunks) == 3
    assert stream.plan.rate.fraction == Fraction(rate)
    assert read_numbers(tools, stream.playlist()) == list(range(frames))
    ticks, tick = packet_times(tools, stream.playlist())
    assert ticks[0] * tick == 10
    assert {b - a for a, b in pairwise(ticks)} == {1 / Fraction(rate) / tick}
    assert len({chunk.renditions[0].init_sha256 for chunk in stream.chunks}) == 1


OPEN_GOP = ("-x264-params", "open-gop=1:keyint=40:bframes=3")
H265 = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
SOURCES = {
    # timestamps in whole milliseconds
    "film.mkv": ("24000/1001", X264),
    "fast.mkv": ("60000/1001", X264),
    "stream.flv": ("30", X264),
    # starts at 1.4 s; a seek lands in the middle of a GOP, here of one longer than a chunk
    "television.ts": ("30000/1001", X264),
    "long_gop.ts": ("25", (*X264[:-4], "-g", "260", "-pix_fmt", "yuv420p")),
    # pictures before the key frame, in order of display, that need the GOP before it
    "open.mp4": ("25", (*X264, *OPEN_GOP)),
    "open.ts": ("25", (*X264, *OPEN_GOP)),
    "open_hevc.mkv": ("25", (*H265, "-x265-params", "open-gop=1:keyint=40:log-level=none")),
    "open_hevc.ts": ("25", (*H265, "-x265-params", "open-gop=1:keyint=40:log-level=none")),
    # no presentation times, or not for every frame
    "divx.avi": ("25", ("-c:v", "mpeg4", "-bf", "2", "-q:v", "4")),
    "h264.avi": ("25", X264),
    "dvd.mpg": ("25", ("-c:v", "mpeg2video", "-q:v", "4", "-bf", "2")),
    # frames that are never shown
    "web.webm": ("25", ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-b:v", "200k")),
    "av1.mkv": ("25", ("-c:v", "libsvtav1", "-preset", "12")),
    # an index in pieces, or none
    "fragments.mp4": ("25", (*X264, "-movflags", "frag_keyframe+empty_moov")),
    "windows.asf": ("25", ("-c:v", "wmv2", "-q:v", "4")),
    "camera.mov": ("25", ("-c:v", "prores_ks")),
}


@pytest.mark.parametrize("name", SOURCES)
def test_frames_stay_exact_whatever_the_container_and_codec(
    tools: Tools, tmp_path: Path, name: str
) -> None:
    rate, codec = SOURCES[name]
    frames = three_chunks(rate)
    source = numbered_clip(tools, tmp_path / name, rate, frames, codec=codec)

    stream = transcode(tools, source, tmp_path / "out")

    assert len(stream.plan.chunks) == 3
    assert stream.plan.rate.fraction == Fraction(rate)
    assert read_numbers(tools, stream.playlist()) == list(range(frames))


@pytest.mark.parametrize("frames", [301, 302, 311, 312])
def test_a_short_rest_is_part_of_the_segment_before_it(
    tools: Tools, tmp_path: Path, frames: int
) -> None:
    source = numbered_clip(tools, tmp_path / "source.mp4", "25", frames)

    stream = transcode(tools, source, tmp_path / "out")

    assert read_numbers(tools, stream.playlist()) == list(range(frames))
    assert [segment.frames for segment in stream.renditions[0].segments] == (
        [150, frames - 150] if frames < 312 else [150, 150, 12]
    )
    assert len({chunk.renditions[0].init_sha256 for chunk in stream.chunks}) == 1
    assert check_presentation(stream.playlists, stream.sizes(), stream.plan) == []
