"""Looks into a source, and refuses what cannot become a stream, with a reason for people.

A file is judged by its contents: ffprobe may open local files only, and only by the demuxers listed
here, so a playlist or script that names other files is refused whatever it is called.
"""

import contextlib
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from tasks.errors import BadInput, EncoderFailed
from tasks.media import process
from tasks.media.claims import refuse_cut_off
from tasks.media.clocks import repair
from tasks.media.commands import frames_command
from tasks.media.conform import conformed
from tasks.media.examine import examined
from tasks.media.packets import ENTRIES, PacketReader
from tasks.media.process import RunLimits
from tasks.media.source import Repair, SourceInfo
from tasks.media.streams import ProbeLimits, film, main_streams, parse, rates, with_video
from tasks.media.timeline import (
    SAMPLE_FRAMES,
    FrameReader,
    Frames,
    Timeline,
    from_frames,
    from_packets,
    is_plain,
)
from tasks.media.tools import Tools

# Demuxers of containers that hold their own media. Not here, on purpose: hls, dash, concat, imf,
# sdp, … (they open other files or the network), pictures, text, and bare elementary streams (no
# timestamps).
FORMATS = (
    *("mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "mpegts", "mpeg"),
    *("flv", "mxf", "asf", "ogg", "dv", "nut", "ivf"),
    *("wav", "w64", "aiff", "mp3", "flac", "aac", "ac3", "eac3", "caf", "amr", "au", "tta", "wv"),
)
_PLAYLISTS = {"hls", "dash", "concat", "concatf", "imf", "sdp", "rtsp", "webm_dash_manifest"}
_TEXTS = {"tty", "srt", "ass", "webvtt", "ffmetadata", "microdvd", "sami", "lrc", "bin"}
_PICTURES = {"gif", "apng", "ico", "image2", "image2pipe", "webp_anim", "jpegxl_anim", "svg"}
# How playlists begin: HLS, ffmpeg's concat script, DASH, Smooth Streaming, IMF, SDP, PLS, ASX.
_PLAYLIST_TEXT = re.compile(
    r"\ufeff?\s*(#EXTM3U|ffconcat|file\s+['\"/]|v=0\s|\[playlist\]|<asx"
    r"|<.*(MPD|SmoothStreamingMedia|CompositionPlaylist)\b)",
    re.IGNORECASE | re.DOTALL,
)
_IS_PLAYLIST = "This is a playlist that points to other files, not a video itself."
_IS_TEXT = "This is a text file, not a video."
_MANY_CLOCKS = (
    "The times of the file's pictures and sound are in no order: its clock begins again too often."
)
_HEAD_BYTES = 4096


def probe(
    path: Path, tools: Tools, limits: ProbeLimits, *, stop: threading.Event | None = None
) -> SourceInfo:
    """As `survey`, where it does not matter from where decoding may begin."""
    return survey(path, tools, limits, stop=stop).info


@dataclass(frozen=True)
class Survey:
    """A source, and the times from which its video can be decoded, in seconds on its own clock."""

    info: SourceInfo
    points: tuple[float, ...]


def survey(
    path: Path, tools: Tools, limits: ProbeLimits, *, stop: threading.Event | None = None
) -> Survey:
    """Read all that is needed of a file: the times of all packets, and the first pictures.

    Where packets do not tell when pictures are shown, all pictures are decoded. Raises BadInput
    where the file cannot be processed; TimedOut or Stopped.
    """
    document = _describe(path, tools, limits, stop)
    listing = _packets(path, document, tools, limits, stop)
    stream, stills = film(document, listing.tracks)
    mended = _repair(document, listing, stream)
    if mended is not None:
        copy = conformed(path, mended, tools, _limits(path, limits), stop=stop)
        seen = survey(copy, tools, limits, stop=stop)
        if seen.info.repair is not None:
            raise BadInput(_MANY_CLOCKS)
        notes = (mended.note, *seen.info.notes)
        update = {"repair": mended, "notes": notes, "size": path.stat().st_size}
        return Survey(seen.info.model_copy(update=update), seen.points)
    timeline = None
    if stream is not None:
        timeline = _timeline(path, document, stream, listing, tools, limits, stop)
    document = with_video(document, stream["index"] if stream is not None else None)
    info = parse(document, listing.tracks, timeline, limits)
    refuse_cut_off(path, document, listing.tracks, info)
    info = examined(path, info, document, tools, limits, stop=stop)
    info = info.model_copy(update={"notes": (*info.notes, *stills)})
    return Survey(info, tuple(timeline.points) if timeline else ())


def _packets(
    path: Path,
    document: dict[str, Any],
    tools: Tools,
    limits: ProbeLimits,
    stop: threading.Event | None,
) -> PacketReader:
    streams = main_streams(document, limits)
    listing = PacketReader(
        ((stream["index"], Fraction(stream["time_base"])) for stream in streams), limits.packets
    )
    run_limits = _limits(path, limits)
    command = [*_ffprobe(tools), "-of", "csv=p=0", "-show_entries", ENTRIES, str(path)]
    process.read(command, listing.feed, limits=run_limits, stop=stop)
    listing.finish()
    return listing


def _limits(path: Path, limits: ProbeLimits) -> RunLimits:
    """Limits for what reads the whole file once."""
    return RunLimits(
        wall_seconds=limits.wall_seconds + path.stat().st_size / limits.bytes_a_second,
        memory_bytes=limits.memory_bytes,
    )


def _repair(
    document: dict[str, Any], listing: PacketReader, stream: Mapping[str, Any] | None
) -> Repair | None:
    container = document["format"]["format_name"].split(",")[0]
    video = stream["index"] if stream is not None else None
    try:
        return repair(listing.tracks, listing.order, video, container)
    except ValueError as error:
        raise BadInput(_MANY_CLOCKS) from error


def _timeline(
    path: Path,
    document: dict[str, Any],
    stream: Mapping[str, Any],
    listing: PacketReader,
    tools: Tools,
    limits: ProbeLimits,
    stop: threading.Event | None,
) -> Timeline:
    track = listing.tracks[stream["index"]]
    container = document["format"]["format_name"]

    def frames(most: int | None = None) -> Frames:
        reader = FrameReader()
        wall = limits.wall_seconds + (0 if most else track.read * limits.seconds_a_picture)
        command = frames_command(path, container, stream["index"], tools, most=most)
        run_limits = RunLimits(wall_seconds=wall, memory_bytes=limits.memory_bytes)
        # What cannot be decoded is refused by the sentence of `examined`, which knows why.
        with contextlib.suppress(BadInput, EncoderFailed):
            process.read(command, reader.feed, limits=run_limits, stop=stop)
        return reader.frames()

    sample = frames(SAMPLE_FRAMES)
    demuxer = container.split(",")[0]
    packets = from_packets(track, demuxer, sample)
    known = {"codec": stream["codec_name"], "container": demuxer}
    if not sample.ticks or is_plain(track, sample, packets, claimed=rates(stream), **known):
        return packets
    return from_frames(track, demuxer, frames())


def _ffprobe(tools: Tools) -> list[str]:
    return [
        *(tools.ffprobe, "-hide_banner", "-loglevel", "error"),
        *("-protocol_whitelist", "file"),
        *("-format_whitelist", ",".join(FORMATS)),
    ]


def refuse_text(head: bytes) -> None:
    """Raise BadInput where a file begins (with these bytes) as a text does.

    Judged before ffprobe sees it: that one lets a name ending in .mp4 outweigh what is inside.
    """
    try:
        # The last character may be cut.
        text = head[:-4].decode() if len(head) >= _HEAD_BYTES else head.decode()
    except UnicodeDecodeError:
        return
    if any(character < " " and character not in "\t\n\r\f" for character in text):
        return
    if _PLAYLIST_TEXT.match(text):
        raise BadInput(_IS_PLAYLIST)
    raise BadInput(_IS_TEXT)


def _describe(
    path: Path, tools: Tools, limits: ProbeLimits, stop: threading.Event | None
) -> dict[str, Any]:
    if not path.is_file() or path.stat().st_size == 0:
        raise BadInput("The file is empty.")
    with path.open("rb") as file:
        refuse_text(file.read(_HEAD_BYTES))
    command = [*_ffprobe(tools), "-show_format", "-show_streams", "-of", "json", str(path)]
    try:
        output = process.capture(
            command,
            limits=RunLimits(wall_seconds=limits.wall_seconds, memory_bytes=limits.memory_bytes),
            stop=stop,
        )
    except (BadInput, EncoderFailed) as error:
        raise BadInput(_why_unreadable(error.log), log=error.log) from error
    return dict(json.loads(output))


def _why_unreadable(log: str) -> str:
    """One sentence for what ffprobe said of a file that it could not open."""
    if "moov atom not found" in log:
        return "The file is cut off or damaged: the index of its frames is missing."
    refused = re.search(r"\[([\w,]+) @ [^]]*\] Format not on whitelist", log)
    names = set(refused[1].split(",")) if refused else set()
    if names & _PLAYLISTS:
        return _IS_PLAYLIST
    if names & _TEXTS:
        return _IS_TEXT
    if names & _PICTURES or any(name.endswith("_pipe") for name in names):
        return "This is a picture, not a video."
    if names:
        return f"Files of this kind ({refused[1] if refused else ''}) are not supported."
    return "This is not a video or audio file, or it is damaged beyond reading."
