"""Pictures that cannot be shown right are refused by what they are."""

import struct
from pathlib import Path

import pytest

from tasks.errors import BadInput
from tasks.media.hearing import as_heard, heard, mixed_by_hand
from tasks.media.probe import ProbeLimits, probe
from tasks.media.tools import Tools
from tests.media.clips import ffmpeg
from tests.media.values import audio_info


def dolby_vision(tools: Tools, path: Path, profile: int, compatible_with: int) -> Path:
    """HEVC in MP4 with a configuration record of Dolby Vision."""
    ffmpeg(
        tools,
        *("-f", "lavfi", "-i", "color=gray:size=160x96:rate=24:duration=1,format=yuv420p10le"),
        *("-c:v", "libx265", "-x265-params", "log-level=none", "-tag:v", "hvc1", path),
    )
    flags = profile << 9 | 1 << 3 | 0b101  # level 1, RPU and base layer
    record = struct.pack(">BBHB", 1, 0, flags, compatible_with << 4) + bytes(19)
    box = struct.pack(">I4s", 8 + len(record), b"dvcC" if profile < 8 else b"dvvC") + record
    data = bytearray(path.read_bytes())
    at = data.index(b"hvcC") - 4
    at += int.from_bytes(data[at : at + 4])
    data[at:at] = box
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hvc1"):
        place = data.rindex(name, 0, at) - 4
        size = int.from_bytes(data[place : place + 4]) + len(box)
        data[place : place + 4] = size.to_bytes(4)
    path.write_bytes(data)  # the index comes last: no offset in it moves
    return path


def test_dolby_vision_without_a_base_layer_is_refused(tools: Tools, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Dolby Vision profile 5"):
        probe(dolby_vision(tools, tmp_path / "five.mp4", 5, 0), tools, ProbeLimits())

    video = probe(dolby_vision(tools, tmp_path / "eight.mp4", 8, 1), tools, ProbeLimits()).video
    assert video is not None
    assert (video.width, video.height) == (160, 96)


def test_layouts_are_read_from_the_log() -> None:
    line = (
        "[Parsed_ashowinfo_0 @ 0x1] n:0 pts:0 pts_time:0 fmt:s16 channels:9 chlayout:9 channels"
        " rate:48000 nb_samples:1024 checksum:0"
    )

    assert heard(["nothing", line]) == (9, "9 channels", 48_000)
    track, note = mixed_by_hand(as_heard(audio_info(), 9, "9 channels", 48_000))
    assert track.mix.startswith("stereo|c0<c0+0.5*c2")
    assert "9 channels without names" in note
