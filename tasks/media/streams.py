"""SourceInfo of what ffprobe says, and the refusal of what cannot become a stream."""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from tasks.errors import BadInput
from tasks.media.beside import beside_sound
from tasks.media.packets import MOST_PACKETS, Track
from tasks.media.source import AudioInfo, SourceInfo, SubtitleInfo, Value, VideoInfo, clock
from tasks.media.timeline import Timeline

_TEXT_SUBTITLES = {
    *("subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text", "microdvd", "subviewer", "ttml"),
}
#: Subtitles that are pictures: Blu-ray, DVD, television.
_PICTURES = {"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle", "xsub"}
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
    seconds_a_picture: float = 0.5  # where all pictures have to be decoded
    packets: int = MOST_PACKETS
    memory_bytes: int | None = 2 * 1024**3


def main_streams(document: Mapping[str, Any], limits: ProbeLimits) -> list[Mapping[str, Any]]:
    """The video and audio streams whose packets are to be read, of ffprobe's JSON as for `parse`.

    Where there is no moving picture, it is the sound. Raises BadInput where the streams' headers
    alone are enough to refuse.
    """
    _refuse_early(document, limits)
    return [*_video_streams(document), *_audio_streams(document)]


def with_video(document: Mapping[str, Any], index: int | None) -> dict[str, Any]:
    """The document without the video streams other than that of this index."""
    streams = [
        stream
        for stream in document["streams"]
        if stream.get("codec_type") != "video" or stream["index"] == index
    ]
    return {**document, "streams": streams}


def film(
    document: Mapping[str, Any], tracks: Mapping[int, Track]
) -> tuple[Mapping[str, Any] | None, list[str]]:
    """The stream with the moving picture, None where there is sound alone; and notes on others.

    A stream of one picture is a cover or a title, wherever it stands. Raises BadInput where there
    is neither picture nor sound.
    """
    streams = _video_streams(document)
    moving = [stream for stream in streams if tracks[stream["index"]].read > 1]
    if not moving and not _audio_streams(document):
        if tracks[streams[0]["index"]].read:
            raise BadInput("This is a single picture, not a video.")
        raise BadInput("The file's video has no frames.")
    stills = [
        f"Video track {stream['index']} is a single picture, and not the film."
        for stream in streams
        if moving and tracks[stream["index"]].read == 1
    ]
    return (moving[0] if moving else None), stills


def rates(stream: Mapping[str, Any]) -> list[Fraction]:
    """The frame rates that the container names for a stream; 0 for unknown."""
    return [_fraction(stream.get("avg_frame_rate")), _fraction(stream.get("r_frame_rate"))]


def parse(
    document: Mapping[str, Any],
    tracks: Mapping[int, Track],
    timeline: Timeline | None,
    limits: ProbeLimits | None = None,
) -> SourceInfo:
    """SourceInfo of ffprobe's JSON (`-show_format -show_streams`), its packets, and the film's
    pictures, None for sound alone.

    Raises BadInput with a sentence for people.
    """
    limits = limits or ProbeLimits()
    _refuse_early(document, limits)
    stream = next(iter(_video_streams(document)), None)
    audio = [a for a in _audio_streams(document) if tracks[a["index"]].read]
    video = None
    notes: list[str] = []
    if stream is not None and timeline is not None:
        video = _video(stream, timeline)
        if video.frame_count == 1:
            if not audio:
                raise BadInput("This is a single picture, not a video.")
            video = None
    if video is not None:
        video, notes = beside_sound(video, [tracks[a["index"]] for a in audio])
        duration = video.duration + video.held
    elif audio:
        duration = tracks[audio[0]["index"]].seconds
    else:
        raise BadInput("The file has no sound in it: it is the beginning of a stream, or empty.")
    notes = [*notes, *_left_out_subtitles(document)]
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
        notes=tuple(notes),
    )


def _left_out_subtitles(document: Mapping[str, Any]) -> Iterator[str]:
    """Sentences on subtitle tracks that cannot become text."""
    for stream in document["streams"]:
        codec = stream.get("codec_name", "unknown")
        if stream.get("codec_type") != "subtitle" or codec in _TEXT_SUBTITLES:
            continue
        why = "its subtitles are pictures" if codec in _PICTURES else "it cannot be read as text"
        yield f"Subtitle track {stream['index']} ({codec}) is left out: {why}."


def _refuse_early(document: Mapping[str, Any], limits: ProbeLimits) -> None:
    """What the streams' headers alone are enough to refuse."""
    count = sum(stream.get("codec_type") in _COUNTED for stream in document.get("streams", []))
    if count > limits.streams:
        raise BadInput(f"The file has {count} streams; at most {limits.streams} are allowed.")
    video = next(iter(_video_streams(document)), None)
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


def _video(stream: Mapping[str, Any], timeline: Timeline) -> VideoInfo:
    """The video as its header and its pictures' times tell; how it is shown is decided later."""
    if not timeline.ticks:
        raise BadInput("The file's video has no frames.")
    timing = timeline.timing(rates(stream))
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
        evened=timing.evened,
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
