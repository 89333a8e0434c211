"""Lets ffprobe read a finished stream from a folder, as a player would: the last check of all."""

import json
import threading
from pathlib import Path
from typing import Any

from tasks.errors import BadInput, EncoderFailed
from tasks.media import process
from tasks.media.commands import CLOCK_OFFSET_SECONDS
from tasks.media.plan import Plan, playlist_name
from tasks.media.process import RunLimits
from tasks.media.tools import Tools

_TOLERANCE_SECONDS = 0.02


def verify(
    folder: Path,
    plan: Plan,
    tools: Tools,
    *,
    frames: int | None = None,
    limits: RunLimits | None = None,
    stop: threading.Event | None = None,
) -> list[str]:
    """What ffprobe finds wrong with each rendition below `folder`; nothing if all is well.

    Counts the packets of every rendition, so it reads (but does not decode) the whole stream.
    `frames` is the true count where the source ended a little early.
    """
    limits = limits or RunLimits(wall_seconds=600)
    problems: list[str] = []
    wanted = plan.frames if frames is None else frames
    for rung in plan.rungs:
        name = playlist_name(rung.name)
        stream = _read(folder / name, tools, limits, stop)
        if stream is None:
            problems.append(f"ffprobe cannot read {name}.")
            continue
        if (stream.get("width"), stream.get("height")) != (rung.width, rung.height):
            problems.append(f"{name} is {stream.get('width')}x{stream.get('height')}.")
        if int(stream.get("nb_read_packets", 0)) != wanted:
            problems.append(f"{name} has {stream.get('nb_read_packets')} frames, not {wanted}.")
        problems += _check_start(name, stream)
    for audio in plan.sounds:
        name = playlist_name(audio.name)
        stream = _read(folder / name, tools, limits, stop)
        if stream is None:
            problems.append(f"ffprobe cannot read {name}.")
        else:
            if stream.get("channels") != audio.channels:
                problems.append(f"{name} has {stream.get('channels')} channels.")
            problems += _check_start(name, stream)
    return problems


def _check_start(name: str, stream: dict[str, Any]) -> list[str]:
    start = float(stream.get("start_time", "nan"))
    if abs(start - CLOCK_OFFSET_SECONDS) <= _TOLERANCE_SECONDS:
        return []
    return [f"{name} begins at {start:.3f} seconds, not {CLOCK_OFFSET_SECONDS}."]


def _read(
    playlist: Path, tools: Tools, limits: RunLimits, stop: threading.Event | None
) -> dict[str, Any] | None:
    command = [
        *(tools.ffprobe, "-hide_banner", "-loglevel", "error"),
        *("-protocol_whitelist", "file", "-format_whitelist", "hls,mov,mp4"),
        *("-allowed_extensions", "m3u8,mp4,m4s"),
        *("-count_packets", "-show_streams", "-of", "json", str(playlist)),
    ]
    try:
        document = json.loads(process.capture(command, limits=limits, stop=stop))
    except (BadInput, EncoderFailed):
        return None
    streams: list[dict[str, Any]] = document.get("streams", [])
    return streams[0] if len(streams) == 1 else None
