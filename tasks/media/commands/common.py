"""How ffmpeg opens a source, and what all of its command lines have in common."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import ffmpeg

from tasks.media import filters
from tasks.media.plan import INIT, SEGMENT_PATTERN
from tasks.media.source import SourceInfo, VideoInfo
from tasks.media.tools import Tools

#: Seconds by which everything in a stream is later than in the film.
CLOCK_OFFSET_SECONDS = 10
# A segment is due so much early, or rounding could put the cut one GOP later.
HAIR_SECONDS = 0.0001

# Demuxers that seek to a key frame by an index. The others (MPEG-TS, MPEG-PS, …) seek by decoding
# times, which are earlier than those of presentation, and may land a little after them.
_INDEXED = {"mov", "matroska", "webm", "avi", "flv"}
_EARLY_SECONDS = 1

# ffmpeg sees local files only: what a container may name inside itself (a URL, another file by a
# protocol of its own) is never opened. `pipe` is for the progress report.
PROTOCOLS = "file,pipe"


def reading(info: SourceInfo) -> dict[str, Any]:
    """Input options: local files alone, and the demuxer that probing found, so that reading and
    probing cannot disagree."""
    return {"protocol_whitelist": PROTOCOLS, "format": info.format_name.split(",")[0]}


def pictures_from(source: Path, info: SourceInfo, at: float | None) -> Any:
    """The pictures from `at` on, in seconds on the source's own clock, or from some time before;
    None for the beginning. All are of one size, upright, progressive and opaque.

    Raises ValueError for a source without video."""
    video = video_of(info)
    pictures = _read(source, info, at)[str(video.index)]
    return filters.chain(
        pictures,
        [
            *filters.steady(video),
            *filters.deinterlace(video),
            *filters.opaque(video),
            *filters.upright(video),
        ],
    )


def decoder_of(video: VideoInfo) -> dict[str, Any]:
    """Input options that name the decoder, where ffmpeg's own choice would not do."""
    return {"c:v": video.decoder} if video.decoder else {}


def compiled(outputs: Iterable[Any], tools: Tools, *, log_level: str = "warning") -> list[str]:
    """The command line that writes all outputs in one run, with reports of its progress."""
    merged = ffmpeg.merge_outputs(*outputs).global_args(
        "-nostdin",
        "-hide_banner",
        *("-loglevel", log_level),
        *("-progress", "pipe:1"),
        *("-stats_period", "0.5"),
        "-nostats",
    )
    return list(merged.compile(cmd=tools.ffmpeg, overwrite_output=True))


def hls_options(folder: Path, segment_seconds: float, first: int) -> dict[str, Any]:
    """Output options for CMAF segments, numbered from `first` on, in a folder that exists."""
    return {
        "format": "hls",
        "hls_time": f"{segment_seconds - HAIR_SECONDS:.6f}",
        "hls_playlist_type": "vod",
        "hls_segment_type": "fmp4",
        "hls_segment_options": "movflags=+frag_discont",
        # A file has its name once it is whole: segments are taken while others are written.
        "hls_flags": "temp_file",
        "hls_fmp4_init_filename": INIT,
        "hls_segment_filename": str(folder / SEGMENT_PATTERN),
        "start_number": first,
    }


def _read(source: Path, info: SourceInfo, at: float | None) -> Any:
    seek: dict[str, Any] = {}
    if at is not None:
        early = 0 if _INDEXED & set(info.format_name.split(",")) else _EARLY_SECONDS
        seek = {"ss": f"{at - early:.6f}", "seek_timestamp": 1, "noaccurate_seek": None}
    video = video_of(info)
    steady = {"noautorotate": None, "reinit_filter": 0, **decoder_of(video)}
    return ffmpeg.input(str(source), copyts=None, **seek, **steady, **reading(info))


def video_of(info: SourceInfo) -> VideoInfo:
    """The source's video. Raises ValueError where there is none."""
    if info.video is None:
        raise ValueError("the source has no video")
    return info.video
