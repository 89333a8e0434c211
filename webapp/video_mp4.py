"""One MP4 of a rendition, joined from its segments while it is sent: nothing is encoded or stored.

The segments' sizes are known from a listing, so the answer has a length and may be asked for in
ranges: a download that broke off goes on where it was.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import m3u8

from tasks import keys
from tasks.infra.storage import Storage
from tasks.media import join
from tasks.models import Media


class NoSuchRendition(Exception):
    """The video has no stream with this rendition; the message names it."""


@dataclass(frozen=True)
class _Piece:
    """A segment at its place in the file. ``at`` and ``size`` in bytes, ``start`` in seconds."""

    key: str
    track: int
    start: float
    size: int
    number: int = 0
    at: int = 0


@dataclass(frozen=True)
class Joined:
    """The file: ``size`` in bytes."""

    head: bytes
    pieces: list[_Piece]
    shifts: list[int]
    size: int
    storage: Storage

    def read(self, first: int, last: int) -> Iterator[bytes]:
        """The bytes from ``first`` to ``last``, both included. Raises KeyError, StorageFailed."""
        if first < len(self.head):
            yield self.head[first : last + 1]
        for piece in self.pieces:
            if piece.at > last:
                return
            if piece.at + piece.size > first:
                data = join.placed(
                    self.storage.get_bytes(piece.key),
                    piece.track + 1,
                    piece.number,
                    self.shifts[piece.track],
                )
                yield data[max(0, first - piece.at) : last + 1 - piece.at]


def joined(storage: Storage, media: Media, rendition: str) -> Joined:
    """The MP4 of a rendition of a video's live stream, with its first sound.

    Raises NoSuchRendition, KeyError and ValueError where files are missing or broken,
    StorageFailed.
    """
    playlist = (media.renditions or {}).get(rendition)
    if not media.master_key or playlist is None:
        known = ", ".join(sorted(media.renditions or {})) or "none"
        raise NoSuchRendition(f"There is no rendition {rendition!r} of this video: {known}.")
    playlists = [playlist]
    sound = _sound_of(storage, media, playlist)
    if sound is not None and sound != playlist:
        playlists.append(sound)
    inits, pieces, first, length = [], [], [], 0.0
    for track, key in enumerate(playlists):
        init, of_track = _track(storage, key, track)
        inits.append(storage.get_bytes(init))
        first.append(join.first_time(storage.get_bytes(of_track[0].key)))
        pieces += of_track
    pieces.sort(key=lambda piece: (piece.start, piece.track))
    length = max(piece.start for piece in pieces) if media.duration is None else media.duration
    head = join.head(inits, length)
    at, placed = len(head), []
    for number, piece in enumerate(pieces, 1):
        placed.append(_Piece(piece.key, piece.track, piece.start, piece.size, number, at))
        at += piece.size
    return Joined(head, placed, join.shifts(inits, first), at, storage)


def _track(storage: Storage, playlist_key: str, track: int) -> tuple[str, list[_Piece]]:
    """The key of a playlist's init segment, and its media segments in order."""
    folder = playlist_key.rpartition("/")[0] + "/"
    sizes = {key: info.size for key, info in storage.list(folder).items()}
    playlist: Any = m3u8.loads(storage.get_bytes(playlist_key).decode())
    pieces, start = [], 0.0
    for segment in playlist.segments:
        key = folder + segment.uri
        pieces.append(_Piece(key, track, start, sizes[key]))
        start += segment.duration
    if not pieces or not playlist.segment_map:
        raise ValueError(f"{playlist_key} names no segments")
    return folder + playlist.segment_map[0].uri, pieces


def _sound_of(storage: Storage, media: Media, playlist_key: str) -> str | None:
    """The key of the playlist of the first sound that the master names with a rendition."""
    folder = keys.video(media.media_id)
    master: Any = m3u8.loads(storage.get_bytes(media.master_key).decode())
    for variant in master.playlists:
        if folder + variant.uri == playlist_key:
            for sound in variant.media:
                if sound.type == "AUDIO" and sound.uri:
                    return folder + str(sound.uri)
    return None
