"""Recognises media that are encrypted, by what their containers say.

Encrypted streams often decode for a while: many begin in the clear, and noise is a picture too.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Sample entries of protected tracks: Common Encryption, and Apple's FairPlay.
_TAGS = {"encv", "enca", "encs", "drmi", "drms"}
_SIDE_DATA = {"Encryption initialization data", "Encryption info"}
# GUIDs of the objects in an ASF header that tell of digital rights management.
_ASF_OBJECTS = (
    bytes.fromhex("fbb31122 23bd d211 b4b7 00a0c955fc6e".replace(" ", "")),
    bytes.fromhex("14e68a29 2226 174c b935 dae07ee9289c".replace(" ", "")),
)
_ASF_HEADER_BYTES = 256 * 1024
_TS_SYNC = 0x47
_TS_LOOKED_AT = 4 * 1024 * 1024
# Share of a stream's packets that may be scrambled before it counts: an error of the air is none.
_TS_SCRAMBLED = 0.5


def is_encrypted(stream: Mapping[str, Any]) -> bool:
    """Whether a stream of ffprobe's JSON says that it is encrypted."""
    if str(stream.get("codec_tag_string", "")) in _TAGS:
        return True
    data = stream.get("side_data_list", [])
    return any(entry.get("side_data_type") in _SIDE_DATA for entry in data)


def scrambled_streams(path: Path, document: Mapping[str, Any]) -> frozenset[int]:
    """Indexes of the streams of a transport stream or ASF file whose payload is scrambled."""
    demuxer = str(document["format"]["format_name"])
    streams = document.get("streams", [])
    if demuxer == "asf":
        with path.open("rb") as file:
            head = file.read(_ASF_HEADER_BYTES)
        protected = any(guid in head for guid in _ASF_OBJECTS)
        return frozenset(stream["index"] for stream in streams) if protected else frozenset()
    if demuxer != "mpegts":
        return frozenset()
    pids = _scrambled_pids(path)
    return frozenset(
        stream["index"] for stream in streams if int(str(stream.get("id", "0")), 0) in pids
    )


def _scrambled_pids(path: Path) -> frozenset[int]:
    """PIDs most of whose packets are scrambled, in the middle of the file: many begin clear."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size // 2 - _TS_LOOKED_AT // 2))
        data = file.read(_TS_LOOKED_AT)
    found = _packet_size(data)
    if found is None:
        return frozenset()
    first, step = found
    packets: Counter[int] = Counter()
    scrambled: Counter[int] = Counter()
    for at in range(first, len(data) - 3, step):
        if data[at] != _TS_SYNC:
            continue
        pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
        packets[pid] += 1
        scrambled[pid] += data[at + 3] >= 0x80
    return frozenset(pid for pid in packets if scrambled[pid] > packets[pid] * _TS_SCRAMBLED)


def _packet_size(data: bytes) -> tuple[int, int] | None:
    """Where packets begin in `data`, and how far they are apart: 188, 192 or 204 bytes."""
    for first in range(min(len(data), 204)):
        for step in (188, 192, 204):
            if all(data[at : at + 1] == b"\x47" for at in range(first, first + 5 * step, step)):
                return first, step
    return None
