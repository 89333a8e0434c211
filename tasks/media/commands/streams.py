"""Single streams of a source, read as they are: text tracks, and a first look."""

from collections.abc import Mapping
from pathlib import Path

import ffmpeg

from tasks.media.commands.common import compiled, reading
from tasks.media.source import SourceInfo
from tasks.media.tools import Tools


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


def decode_command(source: Path, info: SourceInfo, tools: Tools) -> list[str]:
    """Decode the first picture, or sound, and throw it away: does this ffmpeg know the codec?"""
    index = info.video.index if info.video else info.audio[0].index
    stream = ffmpeg.input(str(source), **reading(info))[str(index)]
    count = {"frames:v": 1} if info.video else {"frames:a": 1}
    return compiled([stream.output("-", format="null", **count)], tools)
