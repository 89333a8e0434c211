"""Reads the few MP4 boxes that tell what is in a CMAF segment, without decoding anything.

Layout from ISO/IEC 14496-12 (boxes) and 14496-15 (avcC); only what ffmpeg's own muxer writes is
understood: one track, one moof a segment. No library was found that is kept up and reads fragments.
"""

import struct
from collections.abc import Iterator

from tasks.media.source import Value

_CONTAINERS = {b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl", b"moof", b"traf"}
_NON_SYNC_SAMPLE = 0x10000


class Sample(Value):
    """One coded frame. Times in ticks of the track, offset and size in bytes of the segment."""

    decode_time: int
    present_time: int
    duration: int
    offset: int
    size: int
    is_sync: bool


class Init(Value):
    """What an init segment says: ticks a second, the codec string of RFC 6381, and how many ticks
    the edit list takes off every presentation time (the delay that B-frames cause)."""

    timescale: int
    codec: str
    edit_time: int = 0


class Fragment(Value):
    """A segment: where its moof begins, and its samples in decoding order."""

    moof_offset: int
    samples: tuple[Sample, ...]


def read_init(data: bytes) -> Init:
    """Raises ValueError where a box is missing or cut."""
    found = dict(_boxes(data, 0, len(data)))
    try:
        mdhd, stsd = found[b"mdhd"], found[b"stsd"]
        version = data[mdhd]
        (timescale,) = struct.unpack_from(">I", data, mdhd + (20 if version else 12))
        edit_time = _edit_time(data, found[b"elst"]) if b"elst" in found else 0
        return Init(timescale=timescale, codec=_codec(data, stsd), edit_time=edit_time)
    except (KeyError, IndexError, struct.error) as error:
        raise ValueError(f"not an init segment: {error!r}") from error


def read_fragment(data: bytes) -> Fragment:
    """Raises ValueError where a box is missing or cut, or the media data is shorter than said."""
    found = dict(_boxes(data, 0, len(data)))
    try:
        moof, tfhd, tfdt, trun = (found[name] for name in (b"moof", b"tfhd", b"tfdt", b"trun"))
        wide = data[tfdt]
        (decode_time,) = struct.unpack_from(">Q" if wide else ">I", data, tfdt + 4)
        samples = tuple(_samples(data, trun, moof - 8, decode_time, _defaults(data, tfhd)))
    except (KeyError, IndexError, struct.error) as error:
        raise ValueError(f"not a media segment: {error!r}") from error
    if not samples or samples[-1].offset + samples[-1].size > len(data):
        raise ValueError("not a media segment: it is cut off")
    return Fragment(moof_offset=moof - 8, samples=samples)


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int]]:
    """Type and offset of the contents of every box, depth first."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < 8 or start + size > end:
            raise ValueError(f"a box is cut off at byte {start}")
        yield kind, start + 8
        if kind in _CONTAINERS:
            yield from _boxes(data, start + 8, start + size)
        start += size


def _edit_time(data: bytes, elst: int) -> int:
    """Media time of the first edit; an empty edit (-1) takes off nothing."""
    wide = data[elst]
    (time,) = struct.unpack_from(">q" if wide else ">i", data, elst + (16 if wide else 12))
    return max(0, int(time))


def _flags(data: bytes, at: int) -> int:
    return int.from_bytes(data[at + 1 : at + 4], "big")


def _defaults(data: bytes, tfhd: int) -> tuple[int, int, int]:
    """Duration, size and flags of samples that do not say."""
    flags, at, values = _flags(data, tfhd), tfhd + 8, []
    at += 8 * bool(flags & 0x01) + 4 * bool(flags & 0x02)
    for bit in (0x08, 0x10, 0x20):
        values.append(struct.unpack_from(">I", data, at)[0] if flags & bit else 0)
        at += 4 * bool(flags & bit)
    return values[0], values[1], values[2]


def _samples(
    data: bytes, trun: int, moof: int, decode_time: int, defaults: tuple[int, int, int]
) -> Iterator[Sample]:
    flags = _flags(data, trun)
    (count,) = struct.unpack_from(">I", data, trun + 4)
    at = trun + 8
    offset = moof + struct.unpack_from(">i", data, at)[0]
    at += 4
    first_flags = struct.unpack_from(">I", data, at)[0] if flags & 0x04 else None
    at += 4 * bool(flags & 0x04)
    for number in range(count):
        fields = list(defaults)
        for field, bit in enumerate((0x100, 0x200, 0x400)):
            if flags & bit:
                (fields[field],) = struct.unpack_from(">I", data, at)
                at += 4
        shift = struct.unpack_from(">i", data, at)[0] if flags & 0x800 else 0
        at += 4 * bool(flags & 0x800)
        duration, size, sample_flags = fields
        if number == 0 and first_flags is not None:
            sample_flags = first_flags
        yield Sample(
            decode_time=decode_time,
            present_time=decode_time + shift,
            duration=duration,
            offset=offset,
            size=size,
            is_sync=not sample_flags & _NON_SYNC_SAMPLE,
        )
        decode_time += duration
        offset += size


def _codec(data: bytes, stsd: int) -> str:
    size, kind = struct.unpack_from(">I4s", data, stsd + 8)
    entry = data[stsd + 8 : stsd + 8 + size]
    if kind == b"avc1":
        avcc = entry.index(b"avcC") + 4
        return "avc1." + entry[avcc + 1 : avcc + 4].hex()
    if kind == b"mp4a":
        # DecoderSpecificInfo (tag 5, length in 1 or 4 bytes): its first 5 bits are the object type.
        config = entry.index(b"esds") + 8
        at = entry.index(b"\x05", entry.index(b"\x04", config) + 15) + 1
        while entry[at] & 0x80:
            at += 1
        return f"mp4a.40.{entry[at + 1] >> 3}"
    raise ValueError(f"unknown codec {kind!r}")
