"""Refuses files whose end is missing. Claims alone prove nothing, since many are wrong.

A file is cut off where a box, element or chunk that holds the media ends beyond the end of the
file, or where the header of an audio format counts more samples than are there.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from tasks.errors import BadInput
from tasks.media.packets import Track
from tasks.media.source import SourceInfo, clock

#: A container may claim a little more than it holds (a last packet cut, a rounded duration).
_MISSING_SHARE = 0.05
_MISSING_SECONDS = 2.0
# Formats whose headers know how long the whole is, and that have no size by which to tell.
_COUNTED = {"flac", "flv", "asf", "caf", "wv", "tta"}
_SEGMENT = b"\x18\x53\x80\x67"
_EBML = b"\x1a\x45\xdf\xa3"
# MP3: a header by LAME and others that counts the frames is within the first of them.
_MP3_HEADERS = (b"Xing", b"Info", b"VBRI")
_MP3_HEAD_BYTES = 4096


def refuse_cut_off(
    path: Path, document: Mapping[str, Any], tracks: Mapping[int, Track], info: SourceInfo
) -> None:
    """Raise BadInput where the end of the file is missing; `document` is ffprobe's JSON."""
    container = document["format"]["format_name"]
    for claimed, found in _lengths(document, tracks, container):
        missing = claimed - found
        if missing <= max(_MISSING_SECONDS, claimed * _MISSING_SHARE):
            continue
        if _lacks_data(path, container):
            what, ends = ("video", info.video.duration) if info.video else ("sound", found)
            raise BadInput(
                f"The file is cut off: it says it is {clock(claimed)} long, but its {what} ends at"
                f" {clock(ends)}."
            )


def _lengths(
    document: Mapping[str, Any], tracks: Mapping[int, Track], container: str
) -> Iterator[tuple[float, float]]:
    """Pairs of the seconds that are claimed and those that were found."""
    if container.startswith("mov"):
        for stream in document["streams"]:
            if stream["index"] in tracks:
                yield float(stream.get("duration", 0)), tracks[stream["index"]].seconds
        return
    # Matroska's duration counts from zero, also where the first picture comes later.
    ends = max((track.ends for track in tracks.values()), default=0.0)
    yield float(document["format"].get("duration", 0)), ends


def _lacks_data(path: Path, format_name: str) -> bool:
    names = set(format_name.split(","))
    if names & _COUNTED:
        return True
    with path.open("rb") as file:
        if "mp3" in names:
            return _counts_mp3_frames(file)
        reader = next((reader for name, reader in _READERS.items() if name in names), None)
        return reader is not None and reader(file) > path.stat().st_size


def _end_of_boxes(file: BinaryIO) -> int:
    """Where the last of MP4's boxes says it ends."""
    at = 0
    for size, kind, header in _boxes(file):
        if size < header or not kind.isascii():
            break
        at += size
        file.seek(at)
    return at


def _boxes(file: BinaryIO) -> Iterator[tuple[int, bytes, int]]:
    while len(header := file.read(8)) == 8:
        size, kind = struct.unpack(">I4s", header)
        if size == 1:
            long = file.read(8)
            if len(long) < 8:
                return
            yield struct.unpack(">Q", long)[0], kind, 16
        else:
            yield size, kind, 8  # 0: to the end of the file, whatever that is


def _end_of_segment(file: BinaryIO) -> int:
    """Where Matroska's segment says it ends; 0 where it was written as it went."""
    for wanted in (_EBML, _SEGMENT):
        if file.read(4) != wanted:
            return 0
        first = file.read(1)
        length = 9 - first[0].bit_length() if first and first[0] else 9
        if length > 8:
            return 0
        value = int.from_bytes(bytes([first[0] & (0xFF >> length)]) + file.read(length - 1))
        if wanted == _SEGMENT:
            return 0 if value == (1 << 7 * length) - 1 else file.tell() + value
        file.seek(value, 1)
    return 0


def _end_of_riff(file: BinaryIO) -> int:
    """Where the last RIFF or FORM chunk says it ends; 0 where its size was never filled in."""
    at = 0
    while len(header := file.read(8)) == 8 and header[:4] in {b"RIFF", b"RIFX", b"FORM"}:
        size = struct.unpack("<I" if header[:4] == b"RIFF" else ">I", header[4:])[0]
        if size in {0, 0xFFFFFFFF}:
            return 0
        at += 8 + size + size % 2
        file.seek(at)
    return at - 1  # without a last filling byte


def _counts_mp3_frames(file: BinaryIO) -> bool:
    head = file.read(10)
    if head[:3] == b"ID3" and len(head) == 10:
        size = sum((byte & 0x7F) << 7 * (3 - i) for i, byte in enumerate(head[6:10]))
        file.seek(10 + size)
    start = head + file.read(_MP3_HEAD_BYTES)
    return any(name in start for name in _MP3_HEADERS)


_READERS: dict[str, Callable[[BinaryIO], int]] = {
    "mov": _end_of_boxes,
    "matroska": _end_of_segment,
    "avi": _end_of_riff,
    "wav": _end_of_riff,
    "aiff": _end_of_riff,
}
