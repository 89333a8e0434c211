"""Pictures come out upright, whole, in their shape and colours, whatever a container says."""

import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tasks.errors import BadInput
from tasks.media.look import Look, parse_look
from tasks.media.orientation import orientation
from tasks.media.probe import ProbeLimits, probe
from tasks.media.tools import Tools
from tests.media.clips import (
    X264,
    Stream,
    ffmpeg,
    numbered,
    numbered_clip,
    raw_input,
    read_numbers,
    readable,
    show_stream,
    transcode,
)

LOSSLESS = ("-c:v", "ffv1")
QUARTERS = "color=0xc82828:size=80x48:rate=25:duration={0}[a];color=0x28aa28:size=80x48:rate=25[b]"
QUARTERS += ";color=0x2828c8:size=80x48:rate=25[c];color=0xe1e1e1:size=80x48:rate=25[d]"
QUARTERS += ";[a][b][c][d]xstack=inputs=4:layout=0_0|w0_0|0_h0|w0_h0:shortest=1"
RED, GREEN, BLUE, WHITE = (200, 40, 40), (40, 170, 40), (40, 40, 200), (225, 225, 225)


def quartered(tools: Tools, path: Path, filters: str = "null", *codec: str) -> Path:
    """Red and green above blue and white, 160 by 96, one second."""
    graph = QUARTERS.format(1) + f",{filters}"
    ffmpeg(tools, "-f", "lavfi", "-i", graph, *(codec or (*X264, "-qp", "4")), path)
    return path


def corners(tools: Tools, stream: Stream) -> list[tuple[int, ...]]:
    """The mean colours of the four quarters of the stream's first picture, row by row."""
    raw = ffmpeg(
        tools,
        *(*readable(stream.playlist()), "-frames:v", "1"),
        *("-vf", "format=rgb24,scale=2:2:flags=area", "-f", "rawvideo", "-"),
    )
    return [tuple(raw[at : at + 3]) for at in range(0, 12, 3)]


def alike(found: Sequence[tuple[int, ...]], wanted: Sequence[tuple[int, ...]]) -> bool:
    return all(
        abs(a - b) <= 30
        for one, other in zip(found, wanted, strict=True)
        for a, b in zip(one, other, strict=True)
    )


def with_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Writes a display matrix, in whole numbers, to every track of an MP4 file."""
    data = path.read_bytes()
    identity = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    matrix = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    assert identity in data[data.index(b"tkhd") :]
    head, tail = data[: data.index(b"tkhd")], data[data.index(b"tkhd") :]
    path.write_bytes(head + tail.replace(identity, matrix, 1))


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((1, 0, 0, -1), [BLUE, WHITE, RED, GREEN]),
        ((-1, 0, 0, 1), [GREEN, RED, WHITE, BLUE]),
        ((-1, 0, 0, -1), [WHITE, BLUE, GREEN, RED]),
        ((0, 1, -1, 0), [BLUE, RED, WHITE, GREEN]),
        ((0, -1, 1, 0), [GREEN, WHITE, RED, BLUE]),
        ((0, 1, 1, 0), [RED, BLUE, GREEN, WHITE]),
        ((0, -1, -1, 0), [WHITE, GREEN, BLUE, RED]),
        ((0, 0, 0, 0), [RED, GREEN, BLUE, WHITE]),
        ((1, 0, 1, 0), [RED, GREEN, BLUE, WHITE]),
    ],
)
def test_a_display_matrix_is_followed_and_taken_off(
    tools: Tools, tmp_path: Path, matrix: tuple[int, int, int, int], shown: list[tuple[int, ...]]
) -> None:
    source = quartered(tools, tmp_path / "phone.mp4")
    with_matrix(source, *matrix)

    stream = transcode(tools, source, tmp_path / "out")

    rung = stream.plan.rungs[0]
    upright = matrix[0] != 0 or not any(matrix)
    assert (rung.width, rung.height) == ((160, 96) if upright else (96, 160))
    assert alike(corners(tools, stream), shown)
    assert "side_data_list" not in show_stream(tools, stream.playlist())
    assert len(stream.info.notes) == (matrix in {(0, 0, 0, 0), (1, 0, 1, 0)})


def test_a_matrix_of_odd_degrees_is_followed_to_the_nearest_quarter() -> None:
    def text(*numbers: float) -> str:
        a, b, c, d = (round(number * 65536) for number in numbers)
        return f"\n00000000: {a} {b} 0\n00000001: {c} {d} 0\n00000002: 0 0 1073741824\n"

    assert orientation("") == orientation(text(1, 0, 0, 1)) == (0, False, "")
    assert orientation(text(0.5, 0, 0, 0.5)) == (0, False, "")
    assert orientation(text(0.03, 0.99, -0.99, 0.03)) == (90, False, "")
    assert orientation(text(0.8, 0.6, -0.6, 0.8))[:2] == (0, False)
    assert "odd degrees" in orientation(text(0.8, 0.6, -0.6, 0.8)).problem
    assert orientation("rubbish") == (0, False, "")


def test_the_container_crops_the_picture(tools: Tools, tmp_path: Path) -> None:
    """Matroska's PixelCrop: shown where this ffmpeg applies it, else whole, never stretched."""
    bars = "pad=160:120:0:12:color=0xc82828"
    plain = tmp_path / "plain.mkv"
    graph = f"color=gray:size=160x96:rate=25:duration=1,{bars}"
    ffmpeg(tools, "-f", "lavfi", "-i", graph, *X264, "-fflags", "+bitexact", plain)
    source = tmp_path / "cropped.mkv"
    source.write_bytes(with_pixel_crop(plain.read_bytes(), top=12, bottom=12))

    stream = transcode(tools, source, tmp_path / "out")

    rung = stream.plan.rungs[0]
    assert (rung.width, rung.height) in {(160, 96), (160, 120)}
    if rung.height == 96:
        assert alike(corners(tools, stream), [(128, 128, 128)] * 4)
        assert any("crops the picture" in note for note in stream.info.notes)


def with_pixel_crop(data: bytes, top: int, bottom: int) -> bytes:
    """A Matroska file with elements for cropping in its first video track's settings."""
    at = data.index(b"\xb0\x81\xa0\xba\x81")  # PixelWidth 160, then PixelHeight
    crop = b"\x54\xaa\x81" + bytes([bottom]) + b"\x54\xbb\x81" + bytes([top])
    video = data.rindex(b"\xe0", 0, at)
    entry = data.rindex(b"\xae", 0, video)
    tracks = data.rindex(b"\x16\x54\xae\x6b", 0, entry)
    grown = bytearray(data[:at] + crop + data[at:])
    for place in (tracks + 4, entry + 1, video + 1):
        _grow(grown, place, len(crop))
    # Tracks comes before what it pushes back; what is sought by place is read in order instead.
    segment = data.index(b"\x18\x53\x80\x67") + 4
    grown[segment : segment + 8] = b"\x01" + b"\xff" * 7  # of unknown size
    seek = data.index(b"\x11\x4d\x9b\x74")
    grown[seek : seek + 4] = b"\xec\x4d\x9b\x74"[:1] + grown[seek + 1 : seek + 4]
    return bytes(grown)


def _grow(data: bytearray, at: int, more: int) -> None:
    """Adds to an EBML size field."""
    length = 9 - data[at].bit_length()
    size = int.from_bytes(data[at : at + length]) + more
    data[at : at + length] = size.to_bytes(length)


@pytest.mark.parametrize(("sar", "shown"), [("1/20", 160), ("16/1", 160), ("3/2", 240)])
def test_absurd_pixels_are_taken_for_squares(
    tools: Tools, tmp_path: Path, sar: str, shown: int
) -> None:
    source = quartered(tools, tmp_path / "odd.mkv", f"setsar={sar}")

    info = probe(source, tools, ProbeLimits())

    assert info.video is not None
    assert (info.video.width, info.video.height) == (shown, 96)
    assert len(info.notes) == (shown == 160)


def test_what_is_transparent_is_black(tools: Tools, tmp_path: Path) -> None:
    clear = "format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(lt(X,80),255,0)'"
    for name, codec in (
        ("a.mov", ("-c:v", "prores_ks", "-pix_fmt", "yuva444p10le")),
        ("b.mov", ("-c:v", "qtrle", "-pix_fmt", "argb")),
        ("c.mkv", ("-c:v", "ffv1", "-pix_fmt", "yuva420p")),
        ("d.webm", ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-b:v", "1M")),
        ("e.webm", ("-c:v", "libvpx", "-pix_fmt", "yuva420p", "-b:v", "1M", "-auto-alt-ref", "0")),
    ):
        source = quartered(tools, tmp_path / name, clear, *codec)

        stream = transcode(tools, source, tmp_path / f"out-{name}")

        found = corners(tools, stream)
        assert alike(found, [RED, (0, 0, 0), BLUE, (0, 0, 0)]), (name, found)


COLOURS = [
    ("yuv420p", "tv"),
    ("yuvj420p", "pc"),
    ("yuv444p", "tv"),
    ("yuv422p10le", "tv"),
    ("yuv444p12le", "pc"),
    ("yuv410p", "tv"),
    ("gbrp", "pc"),
    ("gbrp12le", "pc"),
    ("rgb24", "pc"),
    ("bgr0", "pc"),
]


@pytest.mark.parametrize(("pixels", "levels"), COLOURS)
def test_colours_stay_in_every_format(
    tools: Tools, tmp_path: Path, pixels: str, levels: str
) -> None:
    codec = ("-c:v", "rawvideo") if pixels in {"rgb24", "yuvj420p"} else LOSSLESS
    tagged = f"scale=out_range={levels}:out_color_matrix=smpte170m,format={pixels}"
    if not pixels.startswith(("gbr", "rgb", "bgr")):
        tagged += f",setparams=range={levels}:colorspace=smpte170m"
    source = quartered(tools, tmp_path / "colours.nut", tagged, *codec)

    stream = transcode(tools, source, tmp_path / "out")

    found = corners(tools, stream)
    assert alike(found, [RED, GREEN, BLUE, WHITE]), found
    assert show_stream(tools, stream.playlist())["pix_fmt"] == "yuv420p"


@pytest.mark.parametrize("codec", ["ffv1", "libx265"])
def test_gray_keeps_its_black_and_white(tools: Tools, tmp_path: Path, codec: str) -> None:
    source = tmp_path / "gray.mkv"
    graph = "color=black:size=80x96:rate=25:duration=1[a];color=white:size=80x96:rate=25[b]"
    options = ("-x265-params", "log-level=none") if codec == "libx265" else ()
    ffmpeg(
        tools,
        *("-f", "lavfi", "-i", f"{graph};[a][b]hstack=shortest=1,format=gray"),
        *("-c:v", codec, *options, source),
    )

    stream = transcode(tools, source, tmp_path / "out")

    found = corners(tools, stream)
    assert alike(found, [(0, 0, 0), (255, 255, 255)] * 2), found


HDR = "scale=out_color_matrix=bt2020,format=yuv420p10le,setparams=range=tv:colorspace=bt2020nc"


@pytest.mark.parametrize(
    "signs",
    [
        "color_primaries=bt2020:color_trc=smpte2084",
        "color_trc=smpte2084",  # missing primaries
        "color_trc=arib-std-b67:color_primaries=bt2020",
        "color_primaries=bt2020",  # missing transfer
    ],
)
@pytest.mark.parametrize("size", ["160x96", "161x91"])
def test_hdr_by_any_of_its_signs(tools: Tools, tmp_path: Path, signs: str, size: str) -> None:
    source = tmp_path / "hdr.mkv"
    graph = f"color=gray:size={size}:rate=24:duration=1,{HDR}:{signs}"
    ffmpeg(tools, "-f", "lavfi", "-i", graph, *LOSSLESS, source)

    stream = transcode(tools, source, tmp_path / "out")

    assert stream.info.video is not None
    assert stream.info.video.is_hdr
    red, green, blue = corners(tools, stream)[0]
    assert max(red, green, blue) - min(red, green, blue) <= 8
    assert 60 < green < 220


def test_metadata_of_an_hdr_master_is_a_sign_of_it(tools: Tools, tmp_path: Path) -> None:
    source = tmp_path / "master.mkv"
    master = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    ffmpeg(
        tools,
        *("-f", "lavfi", "-i", "color=gray:size=160x96:rate=24:duration=1,format=yuv420p10le"),
        *("-c:v", "libx265", "-x265-params", f"log-level=none:master-display={master}", source),
    )

    info = probe(source, tools, ProbeLimits())

    assert info.video is not None
    assert (info.video.is_hdr, info.video.color_transfer) == (True, "smpte2084")
    assert "data of an HDR master" in info.notes[0]


def test_hdr_in_rgb_and_a_wide_gamut_without_hdr(tools: Tools, tmp_path: Path) -> None:
    tags = {
        "rgb": "format=gbrp10le,setparams=color_primaries=bt2020:color_trc=smpte2084",
        "wide": f"{HDR}:color_primaries=bt2020:color_trc=bt709",
        "p3": "format=yuv420p,setparams=color_primaries=smpte432:color_trc=bt709:colorspace=bt709",
    }
    for name, tagged in tags.items():
        source = tmp_path / f"{name}.mkv"
        graph = f"color=gray:size=160x96:rate=24:duration=1,{tagged}"
        ffmpeg(tools, "-f", "lavfi", "-i", graph, *LOSSLESS, source)

        stream = transcode(tools, source, tmp_path / f"out-{name}")

        assert stream.info.video is not None
        assert stream.info.video.is_hdr == (name == "rgb")
        red, green, blue = corners(tools, stream)[0]
        assert max(red, green, blue) - min(red, green, blue) <= 8, name
        assert name == "rgb" or abs(green - 128) <= 8, name


@pytest.mark.parametrize("scan", ["tff", "bff"])
@pytest.mark.parametrize("said", [False, True])
def test_interlacing_is_found_by_flags_or_by_looking(
    tools: Tools, tmp_path: Path, scan: str, said: bool
) -> None:
    source = tmp_path / "tape.mkv"
    hidden = "" if said else ",setfield=prog"
    graph = "mandelbrot=size=320x180:rate=50,trim=duration=12"
    ffmpeg(
        tools,
        *("-f", "lavfi", "-i", graph),
        *("-vf", f"interlace=scan={scan}:lowpass=off{hidden}", *X264, "-qp", "10"),
        *(("-flags", "+ildct", "-x264-params", f"{scan}=1") if said else ()),
        source,
    )

    info = probe(source, tools, ProbeLimits())

    assert info.video is not None
    assert info.video.interlaced
    assert info.video.field_order == {"tff": "tt", "bff": "bb"}[scan]
    assert len(info.notes) == (not said)


@pytest.mark.parametrize("moving", ["testsrc2", "testsrc", "life", "mandelbrot", "cellauto"])
def test_moving_test_cards_are_not_taken_for_interlaced(
    tools: Tools, tmp_path: Path, moving: str
) -> None:
    source = tmp_path / "card.mkv"
    ffmpeg(tools, "-f", "lavfi", "-i", f"{moving}=size=320x240:rate=25", *X264, "-t", "8", source)

    info = probe(source, tools, ProbeLimits())

    assert info.video is not None
    assert not info.video.interlaced


def test_a_log_of_pictures_is_read() -> None:
    log = """\
[Parsed_showinfo_0 @ 0x1] n:   0 pts:      0 pts_time:0       pos:     48 fmt:yuv420p sar:16/15 \
s:720x576 i:T iskey:1 type:I
[Parsed_showinfo_0 @ 0x1]   side data - Mastering display metadata: has_primaries:1
[Parsed_showinfo_0 @ 0x1] color_range:tv color_space:bt470bg color_primaries:unknown color_trc:x
[Parsed_showinfo_0 @ 0x1] n:   1 pts:      1 pts_time:0.04 fmt:yuv420p sar:16/15 s:720x576 i:P
[Parsed_idet_1 @ 0x2] Multi frame detection: TFF:    40 BFF:     1 Progressive:    20 Undeter
"""
    look = parse_look(log.splitlines())

    assert (look.width, look.height, look.pixel_format) == (720, 576, "yuv420p")
    assert (look.sample_aspect, look.color_space, look.color_primaries) == ("16/15", "bt470bg", "")
    assert look.side_data == ("Mastering display metadata",)
    assert (look.frames, look.flagged_top, look.flagged_bottom) == (2, 1, 0)
    assert look.combed_order == "tt"
    assert Look(combed_top=40, combed_bottom=12, uncombed=8).combed_order == ""


def test_a_picture_of_one_frame_is_never_the_film(tools: Tools, tmp_path: Path) -> None:
    film = numbered_clip(tools, tmp_path / "film.mp4", "25", 50)
    for number, order in enumerate((("1", "0"), ("0", "1"))):
        source = tmp_path / f"cover{number}.mkv"
        maps = [word for place in order for word in ("-map", place)]
        still = "1" if order[0] == "0" else "0"
        ffmpeg(
            tools,
            *("-i", film, "-f", "lavfi", "-i", "color=red:size=200x200:rate=1:duration=1"),
            *("-f", "lavfi", "-i", "sine=duration=2", *maps, "-map", "2"),
            *("-c:v", "copy", f"-c:v:{still}", "mjpeg", "-c:a", "aac"),
            *("-disposition:v", "0", f"-disposition:v:{still}", "default", source),
        )

        info = probe(source, tools, ProbeLimits())

        assert info.video is not None
        assert (info.video.codec, info.video.frame_count) == ("h264", 50)
        assert any("single picture" in note for note in info.notes)


def test_encrypted_films_are_refused_as_that(tools: Tools, tmp_path: Path) -> None:
    source = tmp_path / "drm.mp4"
    ffmpeg(
        tools,
        *(*raw_input("25"), *X264, "-encryption_scheme", "cenc-aes-ctr"),
        *("-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb"),
        *("-encryption_kid", "a7e61c373e219033c21091fa607bf3b8", source),
        stdin=numbered(range(50)),
    )
    with pytest.raises(BadInput, match="encrypted"):
        probe(source, tools, ProbeLimits())

    scrambled = numbered_clip(tools, tmp_path / "tv.ts", "25", 250)
    data = bytearray(scrambled.read_bytes())
    for at in range(len(data) // 4 // 188 * 188, len(data), 188):
        pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
        if pid >= 0x100:
            data[at + 3] |= 0x80
    scrambled.write_bytes(data)
    with pytest.raises(BadInput, match="encrypted"):
        probe(scrambled, tools, ProbeLimits())


def test_a_codec_without_a_decoder_is_called_that(tools: Tools, tmp_path: Path) -> None:
    source = numbered_clip(tools, tmp_path / "new.mp4", "25", 50)
    data = source.read_bytes()
    for tag, words in ((b"evc1", "no decoder for its codec"), (b"zzzz", "does not know its codec")):
        source.write_bytes(data.replace(b"avc1", tag).replace(b"avcC", b"evcC"))
        with pytest.raises(BadInput, match=words):
            probe(source, tools, ProbeLimits())


def test_captions_inside_of_the_picture_are_not_passed_on(tools: Tools, tmp_path: Path) -> None:
    """The master says that there are none."""
    plain = numbered_clip(tools, tmp_path / "plain.h264", "25", 50, codec=(*X264, "-bf", "0"))
    message = b"\xb5\x00\x31GA94\x03\xc1\xff\xfc\x80\x80\xff"
    captions = b"\x00\x00\x00\x01\x06\x04" + bytes([len(message)]) + message + b"\x80"
    units = plain.read_bytes().split(b"\x00\x00\x01")
    pictures = b"\x00\x00\x01"
    plain.write_bytes(
        units[0]
        + b"".join(
            (captions if unit[0] & 0x1F in {1, 5} else b"") + pictures + unit for unit in units[1:]
        )
    )
    source = tmp_path / "captioned.mp4"
    ffmpeg(tools, "-r", "25", "-i", plain, "-c", "copy", source)
    assert caption_frames(tools, source) > 40

    stream = transcode(tools, source, tmp_path / "out")

    assert read_numbers(tools, stream.playlist()) == list(range(50))
    assert caption_frames(tools, stream.playlist()) == 0


def caption_frames(tools: Tools, video: Path) -> int:
    """How many pictures carry closed captions."""
    command = [tools.ffmpeg, "-hide_banner", *map(str, readable(video))]
    command += ["-vf", "showinfo=checksum=0", "-f", "null", "-"]
    log = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return log.count("A/53 Closed Captions") or log.count("ATSC A53")
