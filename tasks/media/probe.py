"""Looks into a source, and refuses what cannot become a stream, with a reason for people.

A file is judged by its contents: ffprobe may open local files only, and only by the demuxers listed
here, so a playlist or script that names other files is refused whatever it is called.
"""

import json
import re
import threading
from pathlib import Path
from typing import Any

from tasks.errors import BadInput, EncoderFailed
from tasks.media import process
from tasks.media.examine import examined
from tasks.media.packets import ENTRIES, PacketReader, Packets
from tasks.media.process import RunLimits
from tasks.media.source import SourceInfo
from tasks.media.streams import ProbeLimits, main_streams, parse, with_video
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
_HEAD_BYTES = 4096
# Enough packets to get the first frame out of any decoder's delay.
_FIRST_FRAMES = ("-read_intervals", "%+#40")


def probe(
    path: Path, tools: Tools, limits: ProbeLimits, *, stop: threading.Event | None = None
) -> SourceInfo:
    """Read all that is needed of a file: every video packet's time is read, some frames decoded.

    Raises BadInput where the file cannot be processed; TimedOut or Stopped.
    """
    document = _describe(path, tools, limits, stop)
    document, packets, stills = _film_of(path, document, tools, limits, stop)
    info = parse(document, packets, limits)
    info = examined(path, info, document, tools, limits, stop=stop)
    return info.model_copy(update={"notes": (*info.notes, *stills)})


def _film_of(
    path: Path,
    document: dict[str, Any],
    tools: Tools,
    limits: ProbeLimits,
    stop: threading.Event | None,
) -> tuple[dict[str, Any], Packets, list[str]]:
    """The document with the film as its only video stream, its packets, and notes on the others.

    A stream of one picture is a cover or a title, wherever it stands, if there is another.
    """
    streams = main_streams(document, limits)
    found: tuple[int, Packets] | None = None
    notes: list[str] = []
    for stream in streams:
        packets = _packets_of(path, stream["index"], tools, limits, stop)
        if found is None or len(packets.ticks) > 1:
            found = stream["index"], packets
        if len(packets.ticks) > 1:
            break
        if len(streams) > 1:
            notes.append(f"Video track {stream['index']} is a single picture, and not the film.")
    assert found is not None
    index, packets = found
    return with_video(document, index), packets, notes


def _packets_of(
    path: Path, index: int, tools: Tools, limits: ProbeLimits, stop: threading.Event | None
) -> Packets:
    command = [*_ffprobe(tools), "-select_streams", str(index), "-of", "csv=p=0"]
    run_limits = RunLimits(
        wall_seconds=limits.wall_seconds + path.stat().st_size / limits.bytes_a_second,
        memory_bytes=limits.memory_bytes,
    )
    listing = PacketReader(limits.packets)
    process.read(
        [*command, "-show_entries", ENTRIES, str(path)], listing.feed, limits=run_limits, stop=stop
    )
    decoded = b""
    if listing.lacks_times:
        frames = ("-show_entries", "frame=best_effort_timestamp")
        decoded = process.capture(
            [*command, *_FIRST_FRAMES, *frames, str(path)], limits=run_limits, stop=stop
        )
    return listing.packets(decoded.decode())


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
