"""Awkward sources come out upright, progressive, square, 8-bit SDR, at a constant rate."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from tasks.media.tools import Tools
from tests.media.clips import (
    HEIGHT,
    WIDTH,
    X264,
    ffmpeg,
    numbered,
    numbered_clip,
    raw_input,
    read_numbers,
    readable,
    show_stream,
    transcode,
)

IDENTITY = bytes.fromhex("00010000 00000000 00000000 00000000 00010000".replace(" ", ""))
CLOCKWISE = bytes.fromhex("00000000 00010000 00000000 ffff0000 00000000".replace(" ", ""))


def test_a_phone_video_held_upright_is_upright(tools: Tools, tmp_path: Path) -> None:
    source = numbered_clip(tools, tmp_path / "phone.mp4", "30", 60)
    data = source.read_bytes()
    at = data.index(IDENTITY, data.index(b"tkhd"))
    source.write_bytes(data[:at] + CLOCKWISE + data[at + len(IDENTITY) :])

    stream = transcode(tools, source, tmp_path / "out")

    assert stream.info.video is not None
    assert stream.info.video.rotation == 90
    assert (stream.plan.rungs[0].width, stream.plan.rungs[0].height) == (HEIGHT, WIDTH)
    assert "side_data_list" not in show_stream(tools, stream.playlist())
    # Turned back by a quarter, the bars can be read.
    assert read_numbers(tools, stream.playlist(), "transpose=cclock") == list(range(60))


def interlacing(tools: Tools, video: Path) -> tuple[int, int]:
    """How many frames ffmpeg's idet takes for interlaced, and how many for progressive."""
    log = ffmpeg(
        tools,
        *readable(video),
        *("-vf", "idet,metadata=print:file=-:direct=1", "-f", "null", "-"),
    ).decode()
    kinds = [
        line.split("=")[1] for line in log.splitlines() if "idet.multiple.current_frame" in line
    ]
    return len([kind for kind in kinds if kind in {"tff", "bff"}]), kinds.count("progressive")


@pytest.mark.parametrize("scan", ["tff", "bff"])
def test_interlaced_television_becomes_progressive(tools: Tools, tmp_path: Path, scan: str) -> None:
    source = tmp_path / "tv.ts"
    ffmpeg(
        tools,
        *("-f", "lavfi", "-i", "mandelbrot=size=320x180:rate=50,trim=duration=16"),
        *("-vf", f"interlace=scan={scan}:lowpass=off", "-c:v", "mpeg2video", "-q:v", "2"),
        *("-flags", "+ilme+ildct", "-g", "12", source),
    )
    assert interlacing(tools, source)[0] > 390

    stream = transcode(tools, source, tmp_path / "out")

    assert stream.info.video is not None
    assert stream.info.video.interlaced
    assert stream.plan.rate.fraction == 25
    assert stream.frames == 400
    interlaced, progressive = interlacing(tools, stream.playlist())
    assert interlaced < 20 < 380 < progressive


def test_anamorphic_pictures_get_square_pixels(tools: Tools, tmp_path: Path) -> None:
    source = numbered_clip(tools, tmp_path / "dv.mp4", "25", 50, "-vf", "setsar=64/45")

    stream = transcode(tools, source, tmp_path / "out")

    rung = stream.plan.rungs[0]
    assert (rung.width, rung.height) == (228, 90)
    assert show_stream(tools, stream.playlist())["sample_aspect_ratio"] == "1:1"
    assert read_numbers(tools, stream.playlist()) == list(range(50))


@pytest.mark.parametrize(
    ("size", "rung"),
    [
        ((161, 91), (160, 90)),
        ((90, 160), (90, 160)),
        ((854, 481), (852, 480)),
        ((16, 17), (16, 16)),
    ],
)
def test_odd_and_upright_sizes_become_even_and_keep_their_shape(
    tools: Tools, tmp_path: Path, size: tuple[int, int], rung: tuple[int, int]
) -> None:
    source = tmp_path / "odd.mkv"
    width, height = size
    lavfi = f"testsrc2=size={width}x{height}:rate=25:duration=1,format=yuv444p"
    ffmpeg(tools, "-f", "lavfi", "-i", lavfi, "-c:v", "libx264", "-preset", "ultrafast", source)

    stream = transcode(tools, source, tmp_path / "out")

    first = show_stream(tools, stream.playlist())
    assert (first["width"], first["height"]) == rung
    assert stream.frames == 25


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_tone_mapped_and_keeps_its_hues(tools: Tools, tmp_path: Path, transfer: str) -> None:
    source = tmp_path / "hdr.mkv"
    # Dark, middle and bright gray, and the blue of a sky, in BT.2020.
    patches = ["0x303030", "0x808080", "0xa0a0a0", "0x5a78a8"]
    inputs = [
        argument
        for colour in patches
        for argument in ("-f", "lavfi", "-i", f"color={colour}:size=80x90:rate=24:duration=1")
    ]
    tags = f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range=tv"
    ffmpeg(
        tools,
        *inputs,
        *(
            "-filter_complex",
            "hstack=inputs=4,scale=out_color_matrix=bt2020,format=yuv420p10le," + tags,
        ),
        *("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:qp=4"),
        source,
    )

    stream = transcode(tools, source, tmp_path / "out")

    assert stream.info.video is not None
    assert stream.info.video.is_hdr
    assert stream.info.video.bit_depth == 10
    shown = show_stream(tools, stream.playlist())
    assert shown["pix_fmt"] == "yuv420p"
    assert {shown[f"color_{name}"] for name in ("space", "transfer", "primaries")} == {"bt709"}
    raw = ffmpeg(
        tools,
        *(*readable(stream.playlist()), "-frames:v", "1"),
        *("-vf", "format=rgb24,scale=4:1:flags=area", "-f", "rawvideo", "-"),
    )
    dark, middle, bright, sky = (tuple(raw[at : at + 3]) for at in range(0, 12, 3))
    assert dark[1] < middle[1] < bright[1] < 225  # above SDR's white in PQ, and yet not clipped
    for gray in (dark, middle, bright):
        assert max(gray) - min(gray) <= 8
    assert sky[0] < sky[1] < sky[2]


@pytest.mark.parametrize("matrix", ["smpte170m", "bt709"])
def test_colours_stay_whatever_their_matrix_was(tools: Tools, tmp_path: Path, matrix: str) -> None:
    source = tmp_path / "colours.mkv"
    lavfi = "color=0xc03020:size=160x90:rate=25:duration=1,format=gbrp"
    tags = (
        f"scale=out_color_matrix={matrix}:out_range=tv,format=yuv420p,setparams=colorspace={matrix}"
    )
    ffmpeg(
        tools,
        "-f",
        "lavfi",
        "-i",
        f"{lavfi},{tags}",
        *X264,
        "-qp",
        "2",
        "-colorspace",
        matrix,
        source,
    )

    stream = transcode(tools, source, tmp_path / "out")

    assert stream.info.video is not None
    assert stream.info.video.color_space == matrix
    raw = ffmpeg(
        tools,
        *(*readable(stream.playlist()), "-frames:v", "1"),
        *("-vf", "format=rgb24,scale=1:1:flags=area", "-f", "rawvideo", "-"),
    )
    assert list(raw) == pytest.approx([0xC0, 0x30, 0x20], abs=6)


def test_ten_bits_become_eight(tools: Tools, tmp_path: Path) -> None:
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv422p10le")
    source = numbered_clip(tools, tmp_path / "camera.mov", "25", 50, codec=codec)

    stream = transcode(tools, source, tmp_path / "out")

    assert stream.info.video is not None
    assert (stream.info.video.bit_depth, stream.info.video.is_hdr) == (10, False)
    assert show_stream(tools, stream.playlist())["pix_fmt"] == "yuv420p"
    assert read_numbers(tools, stream.playlist()) == list(range(50))


@pytest.mark.parametrize(
    ("rate", "expected"),
    [("120", 60), ("100", 50), ("120000/1001", Fraction(60000, 1001)), ("90", 45)],
)
def test_rates_above_sixty_are_divided(
    tools: Tools, tmp_path: Path, rate: str, expected: Fraction
) -> None:
    frames = round(Fraction(rate) * 14)
    clock = ("-fps_mode", "passthrough", "-enc_time_base", f"{1 / Fraction(rate)}")
    source = numbered_clip(tools, tmp_path / "fast.mp4", rate, frames, *clock)

    stream = transcode(tools, source, tmp_path / "out")

    assert stream.info.video is not None
    assert not stream.info.video.is_vfr
    assert len(stream.plan.chunks) == 3
    assert stream.plan.rate.fraction == expected
    numbers = read_numbers(tools, stream.playlist())
    assert abs(len(numbers) - frames / 2) <= 1
    assert numbers[0] == 0
    assert {b - a for a, b in pairwise(numbers[:-1])} == {2}


VARIABLE = {
    # pts in seconds of frame N: a phone that slows down in the dark
    "slowing": ("if(lt(N,150),N/30,5+(N-150)/15)", 270, 30),
    # a screen recording that holds one picture for 9 s, across the seam between chunks
    "holding": ("if(lt(N,75),N/25,9+N/25)", 150, 25),
    # frames fall out now and then
    "dropping": ("(N+floor(N/10))/30", 400, 30),
}


@pytest.mark.parametrize("kind", VARIABLE)
@pytest.mark.parametrize("name", ["source.mp4", "source.mkv"])
def test_a_variable_rate_becomes_constant_with_each_picture_at_its_time(
    tools: Tools, tmp_path: Path, kind: str, name: str
) -> None:
    expression, count, rate = VARIABLE[kind]
    source = tmp_path / name
    ffmpeg(
        tools,
        *raw_input("25"),
        *("-vf", f"settb=1/90000,setpts='({expression})/TB'", "-fps_mode", "vfr"),
        *("-enc_time_base", "1/90000", *X264, source),
        stdin=numbered(range(count)),
    )

    stream = transcode(tools, source, tmp_path / "out")

    assert stream.info.video is not None
    assert stream.info.video.is_vfr
    assert stream.plan.rate.fraction == rate
    assert len(stream.plan.chunks) > 1
    numbers = read_numbers(tools, stream.playlist())
    assert len(numbers) == stream.plan.frames
    times = [shown_at(kind, number) for number in range(count)]
    for frame, number in enumerate(numbers):
        # Never a picture from more than half a frame ahead, nor one whose successor is due.
        assert times[number] <= (frame + 0.51) / rate
        if number + 1 < count:
            assert times[number + 1] >= (frame - 0.51) / rate


def shown_at(kind: str, number: int) -> float:
    """The expressions of VARIABLE in Python."""
    if kind == "slowing":
        return number / 30 if number < 150 else 5 + (number - 150) / 15
    if kind == "holding":
        return number / 25 if number < 75 else 9 + number / 25
    return (number + number // 10) / 30


def test_a_trimmed_clip_shows_only_what_its_edit_list_shows(tools: Tools, tmp_path: Path) -> None:
    whole = numbered_clip(tools, tmp_path / "whole.mp4", "25", 500)
    source = tmp_path / "trimmed.mp4"
    # Cut without encoding: the file begins at the key frame before, which an edit list hides.
    ffmpeg(tools, "-ss", "4.4", "-i", whole, "-c", "copy", source)

    stream = transcode(tools, source, tmp_path / "out")

    numbers = read_numbers(tools, stream.playlist())
    assert numbers == list(range(numbers[0], 500))
    assert 109 <= numbers[0] <= 111


def test_damage_in_the_middle_is_bridged(tools: Tools, tmp_path: Path) -> None:
    source = numbered_clip(tools, tmp_path / "scratched.mp4", "25", 400)
    data = bytearray(source.read_bytes())
    start = data.index(b"mdat") + 4
    at = start + (len(data) - start) // 3
    data[at : at + 400] = bytes(400)
    source.write_bytes(data)

    stream = transcode(tools, source, tmp_path / "out")

    numbers = read_numbers(tools, stream.playlist())
    assert len(numbers) == 400
    assert numbers[:60] == list(range(60))
    assert numbers[-100:] == list(range(300, 400))


@pytest.mark.parametrize("ending", ["ts", "mkv"])
def test_a_picture_may_change_its_size_on_the_way(
    tools: Tools, tmp_path: Path, ending: str
) -> None:
    for number in range(2):
        size = WIDTH * (number + 1), HEIGHT * (number + 1)
        ffmpeg(
            tools,
            *(*raw_input("25", *size), *X264, "-bsf:v", "h264_mp4toannexb"),
            tmp_path / f"{number}.mkv",
            stdin=numbered(range(number * 100, number * 100 + 100), *size),
        )
    pieces = tmp_path / "pieces.txt"
    pieces.write_text("file 0.mkv\nfile 1.mkv\n")
    source = tmp_path / f"call.{ending}"
    ffmpeg(tools, "-f", "concat", "-i", pieces, "-c", "copy", source)

    stream = transcode(tools, source, tmp_path / "out")

    assert read_numbers(tools, stream.playlist()) == list(range(200))
    assert show_stream(tools, stream.playlist())["width"] == WIDTH
