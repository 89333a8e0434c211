"""Looks into a source, and refuses what cannot become a stream, with a reason for people.

A file is judged by its contents: ffprobe may open local files only, and only by the demuxers listed
here, so a playlist or script that names other files is refused whatever it is called.
"""

import json
import math
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, cast

from tasks.errors import BadInput, EncoderFailed
from tasks.media import process
from tasks.media.commands import decode_command
from tasks.media.process import RunLimits
from tasks.media.source import AudioInfo, SourceInfo, SubtitleInfo, Value, VideoInfo, clock
from tasks.media.timing import measure
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
_TEXT_SUBTITLES = {
    *("subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text", "microdvd", "subviewer", "ttml"),
}
_HDR_TRANSFERS = {"smpte2084", "arib-std-b67"}
_INTERLACED = {"tt", "bb", "tb", "bt"}
# A container may claim a little more than it holds (a last packet cut, a rounded duration).
_MISSING_SHARE = 0.05
_MISSING_SECONDS = 2.0


class ProbeLimits(Value):
    """What a source may be at most, and how long probing may take."""

    duration_seconds: float = 12 * 3600
    pixels: int = 8192 * 4352
    streams: int = 64
    wall_seconds: float = 600
    memory_bytes: int | None = 2 * 1024**3


@dataclass(frozen=True)
class Packets:
    """When the packets of one stream are shown, in ticks of its time base."""

    ticks: Sequence[int]  # of packets that are shown, in file order
    read: int  # all packets, also those that an edit list hides
    last_duration: int  # of the packet shown last; 0 where unknown


def probe(
    path: Path, tools: Tools, limits: ProbeLimits, *, stop: threading.Event | None = None
) -> SourceInfo:
    """Read all that is needed of a file: every video packet's time is read, one frame decoded.

    Raises BadInput where the file cannot be processed; TimedOut or Stopped.
    """
    document = _describe(path, tools, limits, stop)
    _refuse_early(document, limits)
    main = _video_stream(document) or _audio_streams(document)[0]

    def show(*what: str) -> str:
        command = [*_ffprobe(tools), "-select_streams", str(main["index"]), *what]
        return process.capture(
            [*command, "-of", "csv=p=0", str(path)],
            wall_seconds=limits.wall_seconds,
            memory_bytes=limits.memory_bytes,
            stop=stop,
        ).decode()

    listing = show("-show_entries", "packet=pts,dts,duration,flags")
    decoded = ""
    if re.search(r"^N/A,", listing, re.MULTILINE):
        decoded = show(*_FIRST_FRAMES, "-show_entries", "frame=best_effort_timestamp")
    info = parse(document, parse_packets(listing, decoded), limits)
    _decode_first(path, info, tools, limits, stop)
    return info


def parse(
    document: Mapping[str, Any], packets: Packets, limits: ProbeLimits | None = None
) -> SourceInfo:
    """SourceInfo of ffprobe's JSON (`-show_format -show_streams`) and the main stream's packets.

    Raises BadInput with a sentence for people.
    """
    limits = limits or ProbeLimits()
    _refuse_early(document, limits)
    stream, audio = _video_stream(document), _audio_streams(document)
    video = None if stream is None else _video(stream, packets)
    if video is not None and video.frame_count == 1:
        if not audio:
            raise BadInput("This is a single picture, not a video.")
        video = None
    if video is not None and stream is not None:
        _refuse_truncated(document, stream, packets, video)
    duration = video.duration if video else _audio_duration(document, audio[0], packets)
    if duration > limits.duration_seconds:
        raise BadInput(
            f"The source is {clock(duration)} long; at most {clock(limits.duration_seconds)}"
            " is allowed."
        )
    if duration <= 0:
        raise BadInput("The source is empty: it holds no time at all.")
    return SourceInfo(
        kind="video" if video else "audio",
        format_name=document["format"]["format_name"],
        duration=duration,
        size=int(document["format"].get("size", 0)),
        video=video,
        audio=tuple(_audio(stream) for stream in audio),
        subtitles=tuple(
            SubtitleInfo(
                index=stream["index"],
                codec=stream["codec_name"],
                language=_tag(stream, "language"),
                title=_tag(stream, "title"),
            )
            for stream in document["streams"]
            if stream.get("codec_name") in _TEXT_SUBTITLES
        ),
    )


def parse_packets(listing: str, decoded: str = "") -> Packets:
    """Packets of ffprobe's CSV lines "pts,dts,duration,flags"; a time may be N/A.

    Some containers have no presentation times (AVI), or not for every frame (MPEG-PS). Then
    decoding times serve: as many frames, in the same steps, only in another order. By how much they
    are early, only the decoder knows: `decoded` lists the times of the first frames out of it.
    """
    pts: list[int] = []
    dts: list[int] = []
    read, latest, last_duration = 0, -math.inf, 0
    for line in listing.splitlines():
        shown_at, decoded_at, duration, flags, *_ = f"{line},,,".split(",")
        if not flags:
            continue  # the empty line some versions end with
        read += 1
        if "D" in flags:
            continue  # an edit list hides the packet
        if decoded_at != "N/A":
            dts.append(int(decoded_at))
        if shown_at != "N/A":
            pts.append(int(shown_at))
            if pts[-1] > latest:
                latest, last_duration = pts[-1], int(duration) if duration.isdigit() else 0
    ticks = pts
    if len(dts) > len(pts):
        first = re.search(r"^-?\d+", decoded, re.MULTILINE)
        start = int(first[0]) if first else min(pts, default=min(dts))
        early = start - min(dts)
        ticks = [tick + early for tick in dts]
    return Packets(ticks=ticks, read=read, last_duration=last_duration)


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
            command, wall_seconds=limits.wall_seconds, memory_bytes=limits.memory_bytes, stop=stop
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


def _refuse_early(document: Mapping[str, Any], limits: ProbeLimits) -> None:
    """What the streams' headers alone are enough to refuse."""
    streams = document.get("streams", [])
    if len(streams) > limits.streams:
        raise BadInput(
            f"The file has {len(streams)} streams; at most {limits.streams} are allowed."
        )
    video = _video_stream(document)
    if video is None and not _audio_streams(document):
        raise BadInput("The file has no video and no audio that can be decoded.")
    if video is not None and video["width"] * video["height"] > limits.pixels:
        raise BadInput(
            f"The picture is {video['width']} by {video['height']} pixels; at most"
            f" {limits.pixels / 1e6:.0f} million pixels are allowed."
        )


def _refuse_truncated(
    document: Mapping[str, Any], stream: Mapping[str, Any], packets: Packets, video: VideoInfo
) -> None:
    claimed_frames = int(stream.get("nb_frames", 0))
    if claimed_frames:
        claimed = video.duration * claimed_frames / max(1, packets.read)
    elif _audio_streams(document):
        return  # the claimed duration may be that of a longer audio track
    else:
        claimed = float(document["format"].get("duration", 0))
        if "matroska" in document["format"].get("format_name", ""):
            # Matroska's duration counts from zero, also where the first picture comes later.
            claimed -= max(0.0, video.start_time)
    missing = claimed - video.duration
    if missing > max(_MISSING_SECONDS, claimed * _MISSING_SHARE):
        raise BadInput(
            f"The file is cut off: it says it is {clock(claimed)} long, but its video ends at"
            f" {clock(video.duration)}."
        )


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


def _video_stream(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The default video stream, or the first; cover pictures do not count."""
    streams = [
        stream
        for stream in document.get("streams", [])
        if stream.get("codec_type") == "video"
        and stream.get("codec_name", "unknown") != "unknown"
        and stream.get("width")
        and not _disposition(stream, "attached_pic")
        and not _disposition(stream, "timed_thumbnails")
    ]
    return next((s for s in streams if _disposition(s, "default")), streams[0] if streams else None)


def _audio_streams(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The audio streams; the one to use comes first."""
    streams = [
        stream
        for stream in document.get("streams", [])
        if stream.get("codec_type") == "audio"
        and stream.get("codec_name", "unknown") != "unknown"
        and int(stream.get("sample_rate", 0)) > 0
        and stream.get("channels", 0) > 0
    ]
    return sorted(streams, key=lambda stream: not _disposition(stream, "default"))


def _video(stream: Mapping[str, Any], packets: Packets) -> VideoInfo:
    if not packets.ticks:
        raise BadInput("The file's video has no frames.")
    timing = measure(
        packets.ticks,
        packets.last_duration,
        Fraction(stream["time_base"]),
        [_fraction(stream.get("avg_frame_rate")), _fraction(stream.get("r_frame_rate"))],
    )
    rotation = _rotation(stream)
    width = max(1, round(stream["width"] * (_fraction(stream.get("sample_aspect_ratio")) or 1)))
    height = stream["height"]
    if rotation in {90, 270}:
        width, height = height, width
    field_order = stream.get("field_order", "unknown")
    transfer = stream.get("color_transfer", "")
    return VideoInfo(
        index=stream["index"],
        codec=stream["codec_name"],
        coded_width=stream["width"],
        coded_height=stream["height"],
        width=width,
        height=height,
        rotation=rotation,
        rate=timing.rate,
        is_vfr=timing.is_vfr,
        frame_count=timing.frame_count,
        start_time=timing.start,
        duration=timing.end - timing.start,
        pixel_format=stream.get("pix_fmt", ""),
        bit_depth=_bit_depth(stream),
        color_transfer=_known(transfer),
        color_primaries=_known(stream.get("color_primaries", "")),
        color_space=_known(stream.get("color_space", "")),
        is_hdr=transfer in _HDR_TRANSFERS,
        field_order=field_order,
        interlaced=field_order in _INTERLACED,
    )


def _audio(stream: Mapping[str, Any]) -> AudioInfo:
    return AudioInfo(
        index=stream["index"],
        codec=stream["codec_name"],
        channels=stream["channels"],
        layout=stream.get("channel_layout", ""),
        sample_rate=int(stream["sample_rate"]),
        language=_tag(stream, "language"),
        title=_tag(stream, "title"),
        start_time=float(stream.get("start_time", 0)),
        default=_disposition(stream, "default"),
    )


def _audio_duration(
    document: Mapping[str, Any], stream: Mapping[str, Any], packets: Packets
) -> float:
    """Of an audio-only source: from its packets, or as claimed if they were not read."""
    claimed = float(stream.get("duration") or document["format"].get("duration") or 0)
    if not packets.ticks or _video_stream(document) is not None:
        return claimed
    ticks = max(packets.ticks) + packets.last_duration - min(packets.ticks)
    return float(ticks * Fraction(stream["time_base"]))


def _rotation(stream: Mapping[str, Any]) -> Literal[0, 90, 180, 270]:
    for data in stream.get("side_data_list", []):
        if "rotation" in data:
            clockwise = round(-float(data["rotation"]) / 90) * 90 % 360
            return cast(Literal[0, 90, 180, 270], clockwise)
    return 0


def _bit_depth(stream: Mapping[str, Any]) -> int:
    named = re.search(r"p(9|10|12|14|16)(le|be)?$", stream.get("pix_fmt", ""))
    return int(named[1]) if named else int(stream.get("bits_per_raw_sample") or 8)


def _fraction(text: str | None) -> Fraction:
    """ "30000/1001", "16:15" or "0/0" (0) as a fraction."""
    num, _, den = (text or "0").replace(":", "/").partition("/")
    return Fraction(int(num), int(den or 1)) if int(den or 1) else Fraction(0)


def _known(value: str) -> str:
    return "" if value in {"unknown", "reserved", "unspecified"} else value


def _tag(stream: Mapping[str, Any], name: str) -> str:
    value = str(stream.get("tags", {}).get(name, ""))
    return "" if value == "und" else value


def _disposition(stream: Mapping[str, Any], name: str) -> bool:
    return bool(stream.get("disposition", {}).get(name))
