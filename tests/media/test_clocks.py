"""A clock that begins again, jumps or is wrong becomes one that runs on."""

from array import array
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.media import clocks
from tasks.media.packets import KEY, Track
from tasks.media.source import Repair
from tasks.media.tools import Tools
from tests.media.clips import X264, ffmpeg, numbered, raw_input, read_numbers, transcode
from tests.media.test_audio import clicks

TICK = Fraction(1, 90_000)
FRAME, BLOCK = 3600, 1920  # ticks of a picture at 25 a second, and of 1024 samples at 48 kHz


def recorded(
    begins: Sequence[int], seconds: Sequence[int]
) -> tuple[dict[int, Track], "array[int]"]:
    """Packets of pictures (0) and sound (1) in the order of their times, piece after piece."""
    tracks = {0: Track(TICK), 1: Track(TICK)}
    order = array("H")
    for begin, lasts in zip(begins, seconds, strict=True):
        pictures = [(begin + i * FRAME, 0, FRAME) for i in range(lasts * 25)]
        sound = [(begin + i * BLOCK, 1, BLOCK) for i in range(lasts * 90_000 // BLOCK)]
        for at, index, duration in sorted(pictures + sound):
            tracks[index].add(at, at, duration, KEY)
            order.append(index)
    return tracks, order


def mended(track: Track, index: int, repair: Repair | None) -> list[int]:
    """The times of a track's packets after the repair."""
    if repair is None:
        return list(track.presented)
    pieces = next(stream.pieces for stream in repair.streams if stream.index == index)
    added = {piece.first: piece.ticks for piece in pieces}
    times, ticks = [], 0
    for number, at in enumerate(track.presented):
        ticks = added.get(number, ticks)
        times.append(at + ticks)
    return times


@settings(deadline=None, max_examples=30)
@given(
    pieces=st.lists(
        st.tuples(st.integers(0, 95_000 * 90_000), st.integers(2, 20)), min_size=1, max_size=8
    )
)
def test_pieces_with_clocks_of_their_own_are_put_end_to_end(
    pieces: list[tuple[int, int]],
) -> None:
    tracks, order = recorded([begin for begin, _ in pieces], [lasts for _, lasts in pieces])

    repair = clocks.repair(tracks, order, 0, "mpegts")

    pictures, sound = (mended(tracks[index], index, repair) for index in (0, 1))
    assert len(pictures) == len(tracks[0].presented)
    jumps = [b - a for a, b in pairwise(pictures)]
    # A pause of less than ten seconds may be one; else each picture follows the one before.
    assert min(jumps) > 0
    assert all(step == FRAME or step <= 10 * 90_000 + FRAME for step in jumps)
    # Sound stays beside the pictures it was recorded with, in every piece.
    at_picture = at_sound = 0
    for _, lasts in pieces:
        assert abs(pictures[at_picture] - sound[at_sound]) <= 1
        at_picture += lasts * 25
        at_sound += lasts * 90_000 // BLOCK


@settings(deadline=None, max_examples=25)
@given(number=st.integers(1, 248), wrong=st.integers(-(2**32), 2**32))
def test_one_wrong_time_is_put_right(number: int, wrong: int) -> None:
    tracks, order = recorded([90_000], [10])
    right = list(tracks[0].presented)
    tracks[0].presented[number] = tracks[0].decoded[number] = wrong

    repair = clocks.repair(tracks, order, 0, "matroska")

    times = mended(tracks[0], 0, repair)
    for at, (time, wanted) in enumerate(zip(times, right, strict=True)):
        near = 60 * 90_000 if repair is None and at == number else 1
        assert abs(time - wanted) <= near


def test_a_clock_that_runs_on_needs_no_repair() -> None:
    tracks, order = recorded([126_000], [30])

    assert clocks.repair(tracks, order, 0, "mpegts") is None


def test_a_long_hold_with_sound_is_no_jump() -> None:
    slides = Track(TICK)
    for at in range(0, 300 * 90_000, 75 * 90_000):
        slides.add(at, at, 75 * 90_000, KEY)
    sound = Track(TICK)
    for at in range(0, 300 * 90_000, BLOCK):
        sound.add(at, at, BLOCK, KEY)
    order = array("H", sorted([0] * slides.read + [1] * sound.read))

    assert clocks.repair({0: slides, 1: sound}, order, 0, "mpegts") is None
    assert clocks.repair({0: slides}, array("H", [0] * slides.read), 0, "matroska") is None


def test_a_clock_for_every_packet_is_refused() -> None:
    track = Track(TICK)
    for number in range(3000):
        at = (4000 - number) * 900_000
        track.add(at, at, FRAME, KEY)

    with pytest.raises(ValueError, match="too many"):
        clocks.repair({0: track}, array("H", [0] * track.read), 0, "mpegts")


def piece(tools: Tools, path: Path, first: int, frames: int, *options: str) -> bytes:
    """A recording of numbered pictures with a click in the middle of every second."""
    sound = f"aevalsrc='if(lt(mod(t+0.5,1),0.001),0.9,0)':s=48000:d={frames / 25}"
    codec = X264 if path.suffix == ".ts" else ("-c:v", "mpeg2video", "-q:v", "3", "-g", "12")
    audio = ("-c:a", "mp2") if path.suffix == ".mpg" else ("-c:a", "aac")
    ffmpeg(
        tools,
        *(*raw_input("25"), "-f", "lavfi", "-i", sound, *codec, *audio, "-b:a", "192k"),
        *options,
        path,
        stdin=numbered(range(first, first + frames)),
    )
    return path.read_bytes()


JOINED = {
    # the clock begins again, and once more
    "again.ts": ((), (), ()),
    # as an hour of stills
    "hour.ts": ((), ("-output_ts_offset", "3600"), ("-output_ts_offset", "20")),
    # 33 bits of a clock of 90 kHz are 26.5 hours: across their end, and the next recording's own
    "wrap.ts": (("-output_ts_offset", "95440"), ("-output_ts_offset", "60"), ()),
    "dvd.mpg": ((), (), ("-output_ts_offset", "500")),
}


@pytest.mark.parametrize("name", JOINED)
def test_recordings_joined_end_to_end_come_out_whole(
    tools: Tools, tmp_path: Path, name: str
) -> None:
    source = tmp_path / name
    parts = [
        piece(tools, tmp_path / f"{n}{source.suffix}", n * 125, 125, *options)
        for n, options in enumerate(JOINED[name])
    ]
    source.write_bytes(b"".join(parts))

    stream = transcode(tools, source, tmp_path / "out")

    assert stream.info.repair is not None
    assert stream.info.notes[0] == stream.info.repair.note
    numbers = read_numbers(tools, stream.playlist())
    assert len(numbers) == 375
    # A program stream times not every picture: some of them may be a place off.
    slack = 1 if source.suffix == ".mpg" else 0
    assert max(abs(number - place) for place, number in enumerate(numbers)) <= slack
    heard = clicks(tools, stream)
    assert heard == pytest.approx([n + 0.5 for n in range(15)], abs=0.02)


def test_a_clock_across_the_end_of_its_33_bits_runs_on(tools: Tools, tmp_path: Path) -> None:
    source = tmp_path / "midnight.ts"
    piece(tools, source, 0, 400, "-output_ts_offset", "95435")

    stream = transcode(tools, source, tmp_path / "out")

    assert read_numbers(tools, stream.playlist()) == list(range(400))
    assert clicks(tools, stream) == pytest.approx([n + 0.5 for n in range(16)], abs=0.02)
