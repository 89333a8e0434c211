"""The work to compare with: ffmpeg as one would call it by hand, for the same ladder.

The rungs, sizes, filters and encoder settings are the product's own (a test compares them), so that
a ratio tells what everything around the encoder costs. Plain means: the file from end to end, no
chunks, no thumbnails, no poster, and nobody who checks or uploads the result.
"""

import resource
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg
import psutil

from bench.memory import peak_of
from bench.options import CannotMeasure
from tasks.media import filters
from tasks.media.commands import encoder_options, sound_options
from tasks.media.ladder import Rung
from tasks.media.plan import Plan
from tasks.media.source import SourceInfo
from tasks.media.tools import Tools


def one_process(
    source: Path, info: SourceInfo, plan: Plan, folder: Path, tools: Tools, preset: str
) -> list[str]:
    """Everything in one ffmpeg: one decode, every rung, and the sound."""
    opened = ffmpeg.input(str(source))
    outputs = _pictures(opened, info, plan, plan.rungs, folder, preset)
    return _command([*outputs, *_sound(opened, plan, folder)], tools)


def one_each(
    source: Path, info: SourceInfo, plan: Plan, folder: Path, tools: Tools, preset: str
) -> list[list[str]]:
    """One ffmpeg a rendition, as is usual: each decodes the source again."""
    commands = []
    for rung in plan.rungs:
        outputs = _pictures(ffmpeg.input(str(source)), info, plan, (rung,), folder, preset)
        commands.append(_command(outputs, tools))
    sound = _sound(ffmpeg.input(str(source)), plan, folder)
    return [*commands, _command(sound, tools)] if sound else commands


@dataclass(frozen=True)
class Cost:
    """What commands took: seconds of the clock and of the processors, and most memory in MB."""

    seconds: float
    processor_seconds: float
    peak_mb: float


def run(commands: Sequence[Sequence[str]]) -> Cost:
    """Runs them in turn. Raises CannotMeasure."""
    seconds = peak_mb = 0.0
    used = _used_by_children()
    for command in commands:
        for target in command:
            if target.endswith(".m3u8"):
                Path(target).parent.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            # As the product does: some kernels share out the processors by session.
            start_new_session=True,
        )
        tree = [psutil.Process(process.pid)]
        with peak_of({"ffmpeg": lambda tree=tree: tree}) as peak:  # type: ignore[misc]
            _, log = process.communicate()
        seconds += time.monotonic() - started
        peak_mb = max(peak_mb, peak.mb["ffmpeg"])
        if process.returncode != 0:
            raise CannotMeasure(f"plain ffmpeg failed:\n{log.decode(errors='replace')[-2000:]}")
    return Cost(seconds, _used_by_children() - used, peak_mb)


def _used_by_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _pictures(
    opened: Any,
    info: SourceInfo,
    plan: Plan,
    rungs: Sequence[Rung],
    folder: Path,
    preset: str,
) -> list[Any]:
    assert info.video is not None
    pictures = filters.chain(opened[str(info.video.index)], filters.deinterlace(info.video))
    pictures = filters.chain(pictures.filter("fps", plan.rate), filters.to_sdr(info.video))
    branches = pictures.filter_multi_output("split", len(rungs))
    return [
        filters.chain(
            branches.stream(number), filters.to_picture(info.video, rung.width, rung.height)
        ).output(
            str(folder / rung.name / "playlist.m3u8"),
            **encoder_options(rung, plan, preset),
            **_hls(folder / rung.name, plan),
        )
        for number, rung in enumerate(rungs)
    ]


def _sound(opened: Any, plan: Plan, folder: Path) -> list[Any]:
    if plan.audio is None:
        return []
    return [
        opened[str(plan.audio.stream_index)].output(
            str(folder / plan.audio.name / "playlist.m3u8"),
            **sound_options(plan.audio),
            **_hls(folder / plan.audio.name, plan),
        )
    ]


def _hls(folder: Path, plan: Plan) -> dict[str, Any]:
    return {
        "format": "hls",
        "hls_time": f"{plan.segment_seconds - 0.0001:.6f}",
        "hls_playlist_type": "vod",
        "hls_segment_type": "fmp4",
        "hls_fmp4_init_filename": "init.mp4",
        "hls_segment_filename": str(folder / "seg_%05d.m4s"),
    }


def _command(outputs: Sequence[Any], tools: Tools) -> list[str]:
    merged = ffmpeg.merge_outputs(*outputs).global_args(
        "-nostdin", "-hide_banner", "-loglevel", "error", "-nostats"
    )
    return list(merged.compile(cmd=tools.ffmpeg, overwrite_output=True))
