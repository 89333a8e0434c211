"""SourceInfo of what ffprobe says, and the refusal of what cannot become a stream."""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from tasks.errors import BadInput
from tasks.media.packets import MOST_PACKETS, Packets
from tasks.media.source import AudioInfo, SourceInfo, SubtitleInfo, Value, VideoInfo, clock
from tasks.media.timing import measure

_TEXT_SUBTITLES = {
    *("subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text", "microdvd", "subviewer", "ttml"),
}
# A container may claim a little more than it holds (a last packet cut, a rounded duration).
_MISSING_SHARE = 0.05
_MISSING_SECONDS = 2.0
# Characters of a name or language that are kept: they go into rows.
_TAG_LENGTH = 200
# A film may bring any number of fonts.
_COUNTED = {"video", "audio", "subtitle"}


class ProbeLimits(Value):
    """What a source may be at most, and how long probing may take."""

    duration_seconds: float = 12 * 3600
    pixels: int = 8192 * 4352
    streams: int = 64
    side: int = 16_384  # pixels; what an H.264 encoder can take
    wall_seconds: float = 600
    bytes_a_second: float = 10e6  # a slow disk: large files may take longer than wall_seconds
    packets: int = MOST_PACKETS
    memory_bytes: int | None = 2 * 1024**3


def main_streams(document: Mapping[str, Any], limits: ProbeLimits) -> list[Mapping[str, Any]]:
    """The streams that may be the film, the likeliest first, of ffprobe's JSON as for `parse`.

    Where there is no moving picture, it is the sound. Raises BadInput where the streams' headers
    alone are enough to refuse.
    """
    _refuse_early(document, limits)
    return _video_streams(document) or _audio_streams(document)[:1]


def with_video(document: Mapping[str, Any], index: int) -> dict[str, Any]:
    """The document without the video streams other than that of this index."""
    streams = [
        stream
        for stream in document["streams"]
        if stream.get("codec_type") != "video" or stream["index"] == index
    ]
    return {**document, "streams": streams}


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
                forced=_disposition(stream, "forced"),
                hearing_impaired=_disposition(stream, "hearing_impaired"),
            )
            for stream in document["streams"]
            if stream.get("codec_name") in _TEXT_SUBTITLES
        ),
    )


def _refuse_early(document: Mapping[str, Any], limits: ProbeLimits) -> None:
    """What the streams' headers alone are enough to refuse."""
    count = sum(stream.get("codec_type") in _COUNTED for stream in document.get("streams", []))
    if count > limits.streams:
        raise BadInput(f"The file has {count} streams; at most {limits.streams} are allowed.")
    video = _video_stream(document)
    nameless = None if video is not None else _nameless_video(document)
    if nameless is not None:
        raise BadInput(
            f"The file's video cannot be decoded: this ffmpeg does not know its codec ({nameless})."
        )
    if video is None and not _audio_streams(document):
        raise BadInput("The file has no video and no audio that can be decoded.")
    if video is not None and video["width"] * video["height"] > limits.pixels:
        raise BadInput(
            f"The picture is {video['width']} by {video['height']} pixels; at most"
            f" {limits.pixels / 1e6:.0f} million pixels are allowed."
        )


def refuse_shape(video: VideoInfo, limits: ProbeLimits) -> None:
    """Raise BadInput for pictures that no encoder can make."""
    # Pixels that are no squares can make a small picture very wide.
    longest = max(video.width, video.height, video.coded_width, video.coded_height)
    if longest > limits.side or video.width * video.height > limits.pixels:
        raise BadInput(
            f"The picture is shown at {video.width} by {video.height} pixels; at most"
            f" {limits.side:,} on a side and {limits.pixels / 1e6:.0f} million in all are allowed."
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


def _video_stream(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next(iter(_video_streams(document)), None)


def _video_streams(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The video streams, the default one first; cover pictures do not count."""
    streams = [
        stream
        for stream in _moving(document)
        if stream.get("codec_name", "unknown") != "unknown" and stream.get("width")
    ]
    return sorted(streams, key=lambda stream: not _disposition(stream, "default"))


def _moving(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        stream
        for stream in document.get("streams", [])
        if stream.get("codec_type") == "video"
        and not _disposition(stream, "attached_pic")
        and not _disposition(stream, "timed_thumbnails")
    ]


def _nameless_video(document: Mapping[str, Any]) -> str | None:
    """The tag of a video whose codec ffprobe cannot name; None where there is no such video."""
    for stream in _moving(document):
        if stream.get("codec_name", "unknown") == "unknown":
            return str(stream.get("codec_tag_string") or "no tag")
    return None


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
    """The video as its header and its packets tell; how it is to be shown is decided later."""
    if not packets.ticks:
        raise BadInput("The file's video has no frames.")
    timing = measure(
        packets.ticks,
        packets.last_duration,
        Fraction(stream["time_base"]),
        [_fraction(stream.get("avg_frame_rate")), _fraction(stream.get("r_frame_rate"))],
    )
    return VideoInfo(
        index=stream["index"],
        codec=stream["codec_name"],
        coded_width=stream["width"],
        coded_height=stream["height"],
        width=stream["width"],
        height=stream["height"],
        rotation=0,
        rate=timing.rate,
        is_vfr=timing.is_vfr,
        frame_count=timing.frame_count,
        start_time=timing.start,
        duration=timing.end - timing.start,
        pixel_format=stream.get("pix_fmt", ""),
        bit_depth=_bit_depth(stream),
        color_transfer=_known(stream.get("color_transfer", "")),
        color_primaries=_known(stream.get("color_primaries", "")),
        color_space=_known(stream.get("color_space", "")),
        is_hdr=False,
        field_order=stream.get("field_order", "unknown"),
        interlaced=False,
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
        commentary=_disposition(stream, "comment"),
        described=_disposition(stream, "visual_impaired") or _disposition(stream, "descriptions"),
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
    value = str(stream.get("tags", {}).get(name, ""))[:_TAG_LENGTH]
    return "" if value == "und" else value


def _disposition(stream: Mapping[str, Any], name: str) -> bool:
    return bool(stream.get("disposition", {}).get(name))
