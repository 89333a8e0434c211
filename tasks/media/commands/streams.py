"""Single streams of a source, read as they are: text tracks, and a first look."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ffmpeg

from tasks.media.commands.common import PROTOCOLS, compiled, decoder_of, reading, video_of
from tasks.media.look import LOOK_FILTERS
from tasks.media.source import AudioInfo, Piece, Repair, SourceInfo, StreamRepair
from tasks.media.tools import Tools

# A sound track may begin later than the film; one that is not heard by then is believed.
LISTENED_SECONDS = 30


def subtitles_command(
    source: Path, info: SourceInfo, out_files: Mapping[int, Path], tools: Tools
) -> list[str]:
    """Write text tracks, named by their stream's index, as WebVTT on the source's own clock."""
    read = ffmpeg.input(str(source), copyts=None, **reading(info))
    outputs = [
        read[str(index)].output(str(path), **{"c:s": "webvtt", "format": "webvtt"})
        for index, path in out_files.items()
    ]
    return compiled(outputs, tools)


def look_command(
    source: Path,
    info: SourceInfo,
    tools: Tools,
    *,
    at_seconds: float | None = None,
    frames: int = 1,
) -> list[str]:
    """Decode some pictures and throw them away; the log, at level info, says what they are.

    `at_seconds` is a place on the source's own clock, from whose key frame on is decoded.
    """
    video = video_of(info)
    seek: dict[str, Any] = {}
    if at_seconds is not None:
        seek = {"ss": f"{at_seconds:.6f}", "seek_timestamp": 1, "noaccurate_seek": None}
    stream = ffmpeg.input(
        str(source),
        noautorotate=None,
        copyts=None,
        reinit_filter=0,
        **decoder_of(video),
        **seek,
        **reading(info),
    )[str(video.index)]
    for text in LOOK_FILTERS:
        stream = stream.filter(text[0], **text[1])
    output = stream.output("-", **{"format": "null", "frames:v": frames, "fps_mode": "passthrough"})
    return compiled([output], tools, log_level="info")


def listen_command(
    source: Path, info: SourceInfo, audio: AudioInfo, tools: Tools, *, mixed: bool = False
) -> list[str]:
    """Decode the first sound of a stream and throw it away; the log says how it is laid out.

    With `mixed`, it fails where ffmpeg knows no way from that layout to stereo.
    """
    stream = ffmpeg.input(str(source), t=LISTENED_SECONDS, **reading(info))[str(audio.index)]
    stream = stream.filter("ashowinfo")
    if mixed:
        # The mix is made in a filter of its own, or it would be made before the log says anything.
        stream = stream.filter("aresample").filter("aformat", channel_layouts="stereo")
    return compiled(
        [stream.output("-", **{"format": "null", "frames:a": 4})], tools, log_level="info"
    )


def frames_command(
    source: Path, format_name: str, index: int, tools: Tools, *, most: int | None = None
) -> list[str]:
    """Decode a video stream and write the times of its pictures to standard output (framecrc).

    Stream 0 of the listing has all pictures, stream 1 the first and those that decode alone, in
    microseconds on the source's own clock. `most` limits the pictures.
    """
    opened = ffmpeg.input(
        str(source),
        copyts=None,
        noautorotate=None,
        reinit_filter=0,
        protocol_whitelist=PROTOCOLS,
        format=format_name.split(",")[0],
    )
    pictures = opened[str(index)].filter("settb", "1/1000000")
    if most is not None:
        pictures = pictures.filter("trim", end_frame=most)
    branches = pictures.filter_multi_output("split", 2)
    keys = branches.stream(1).filter("select", "key+eq(n,0)")
    output = ffmpeg.output(
        branches.stream(0),
        keys,
        "-",
        **{
            "c:v": "wrapped_avframe",
            "enc_time_base": "1/1000000",
            "fps_mode": "passthrough",
            "format": "framecrc",
        },
    )
    quietly = ("-nostdin", "-hide_banner", "-loglevel", "error", "-nostats")
    return list(output.global_args(*quietly).compile(cmd=tools.ffmpeg))


def conform_command(source: Path, repair: Repair, out_file: Path, tools: Tools) -> list[str]:
    """Copy the packets of the repaired streams with their new times, in the source's own way."""
    demuxer = repair.container
    opened = ffmpeg.input(str(source), copyts=None, protocol_whitelist=PROTOCOLS, format=demuxer)
    options: dict[str, Any] = {
        f"bsf:{number}": f"setts=pts='{_moved('PTS', stream)}':dts='{_moved('DTS', stream)}'"
        for number, stream in enumerate(repair.streams)
    }
    options |= {"c": "copy", "copyinkf": None, "max_interleave_delta": 0}
    if demuxer in {"mpegts", "mpeg"}:
        options |= {"format": "mpegts", "muxdelay": 0, "muxpreload": 0}
    else:
        options |= {"format": "matroska"}
    streams = [opened[str(stream.index)] for stream in repair.streams]
    return compiled([ffmpeg.output(*streams, str(out_file), **options)], tools)


def _moved(time: str, stream: StreamRepair) -> str:
    return f"if(eq({time},NOPTS),NOPTS,{time}+{_added(stream.pieces)})"


def _added(pieces: Sequence[Piece]) -> str:
    """The ticks that are added to a packet, as an expression of its number N.

    A tree, since ffmpeg's parser goes a hundred levels deep at most.
    """
    if len(pieces) == 1:
        return f"({pieces[0].ticks})"
    middle = len(pieces) // 2
    return f"if(lt(N,{pieces[middle].first}),{_added(pieces[:middle])},{_added(pieces[middle:])})"
