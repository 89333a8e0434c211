"""Joins CMAF tracks into one fragmented MP4 without decoding, and without changing any size.

A track is an init segment and its media segments. Of a media segment only numbers change that keep
their size: its track, its place in the file, and its time, so that the file begins at zero. So the
size of the whole is known before anything is read, and any range of it can be made.
"""

import struct
from collections.abc import Sequence
from fractions import Fraction

from tasks.media.boxes import read_init

#: Boxes of a segment that only say where it stands in a playlist; a file has no use for them.
_OF_A_SEGMENT = {b"styp", b"sidx"}


def first_time(segment: bytes) -> int:
    """Decoding time of a segment's first sample, in ticks. Raises ValueError."""
    at = _find(segment, b"moof", b"traf", b"tfdt")
    wide = segment[at]
    return int(struct.unpack_from(">Q" if wide else ">I", segment, at + 4)[0])


def shifts(inits: Sequence[bytes], first: Sequence[int]) -> list[int]:
    """Ticks to take off each track's times, so that the earliest one begins at zero.

    ``first``: the ``first_time`` of each track. Raises ValueError.
    """
    scales = [read_init(init).timescale for init in inits]
    start = min(Fraction(ticks, scale) for ticks, scale in zip(first, scales, strict=True))
    return [round(start * scale) for scale in scales]


def head(inits: Sequence[bytes], duration: float) -> bytes:
    """The beginning of the file: all tracks, numbered from 1. ``duration`` in seconds.

    Raises ValueError where an init segment cannot be read.
    """
    movie = inits[0]
    moov = _find(movie, b"moov")
    at = _find(movie, b"moov", b"mvhd")
    header = bytearray(_whole(movie, at))
    if header[8]:
        raise ValueError("the movie header of an init segment has 64-bit times")
    (scale,) = struct.unpack_from(">I", header, 20)
    length = round(duration * scale)
    struct.pack_into(">I", header, 24, min(length, 0xFFFFFFFE))
    struct.pack_into(">I", header, len(header) - 4, len(inits) + 1)
    tracks, defaults = b"", b""
    for number, init in enumerate(inits, 1):
        trak = bytearray(_whole(init, _find(init, b"moov", b"trak")))
        tkhd = _find(trak, b"trak", b"tkhd")
        struct.pack_into(">I", trak, tkhd + (20 if trak[tkhd] else 12), number)
        trex = bytearray(_whole(init, _find(init, b"moov", b"mvex", b"trex")))
        struct.pack_into(">I", trex, 12, number)
        tracks, defaults = tracks + trak, defaults + trex
    whole_length = _box(b"mehd", struct.pack(">IQ", 0x01000000, length))
    content = bytes(header) + tracks + _box(b"mvex", whole_length + defaults)
    return movie[: moov - 8] + _box(b"moov", content)


def placed(segment: bytes, track: int, number: int, shift: int) -> bytes:
    """A media segment as it stands in the file: of the same size.

    ``number`` counts all segments of the file from 1. Raises ValueError.
    """
    data = bytearray(segment)
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > len(data):
            raise ValueError(f"a box is cut off at byte {at}")
        if kind in _OF_A_SEGMENT:
            data[at + 4 : at + 8] = b"free"
        at += size
    struct.pack_into(">I", data, _find(data, b"moof", b"mfhd") + 4, number)
    struct.pack_into(">I", data, _find(data, b"moof", b"traf", b"tfhd") + 4, track)
    tfdt = _find(data, b"moof", b"traf", b"tfdt")
    form = ">Q" if data[tfdt] else ">I"
    (time,) = struct.unpack_from(form, data, tfdt + 4)
    struct.pack_into(form, data, tfdt + 4, max(0, time - shift))
    return bytes(data)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def _whole(data: bytes, content: int) -> bytes:
    """The box whose content begins there, with its header."""
    (size,) = struct.unpack_from(">I", data, content - 8)
    return data[content - 8 : content - 8 + size]


def _find(data: bytes | bytearray, *path: bytes) -> int:
    """Where the content begins of the first box with this path. Raises ValueError."""
    start, end = 0, len(data)
    for wanted in path:
        while True:
            if start + 8 > end:
                raise ValueError(f"there is no box {b'/'.join(path).decode()}")
            size, kind = struct.unpack_from(">I4s", data, start)
            if size < 8 or start + size > end:
                raise ValueError(f"a box is cut off at byte {start}")
            if kind == wanted:
                start, end = start + 8, start + size
                break
            start += size
    return start
