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
from tasks.media.commands import decode_command
from tasks.media.packets import ENTRIES, PacketReader
from tasks.media.process import RunLimits
from tasks.media.source import SourceInfo
from tasks.media.streams import ProbeLimits, main_stream, parse
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
    """Read all that is needed of a file: every video packet's time is read, one frame decoded.

    Raises BadInput where the file cannot be processed; TimedOut or Stopped.
    """
    document = _describe(path, tools, limits, stop)
    only = ("-select_streams", str(main_stream(document, limits)["index"]))
    command = [*_ffprobe(tools), *only, "-of", "csv=p=0"]
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
    info = parse(document, listing.packets(decoded.decode()), limits)
    _decode_first(path, info, tools, limits, stop)
    return info


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


def _decode_first(
    path: Path,
    info: SourceInfo,
    tools: Tools,
    limits: ProbeLimits,
    stop: threading.Event | None,
) -> None:
    """Refuse what has all the headers of a video but cannot be decoded."""
    frames = [0]
    stream = info.video or info.audio[0]
    try:
        process.run(
            decode_command(path, info, tools),
            limits=RunLimits(wall_seconds=limits.wall_seconds, memory_bytes=limits.memory_bytes),
            stop=stop,
            on_progress=lambda progress: frames.append(progress.frame),
        )
    except (BadInput, EncoderFailed) as error:
        raise BadInput(_undecodable(stream.codec), log=error.log) from error
    if info.video and not max(frames):
        raise BadInput(_undecodable(stream.codec))


def _undecodable(codec: str) -> str:
    return f"The source cannot be decoded: it is damaged or encrypted (its codec is {codec})."
