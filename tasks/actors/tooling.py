"""The programs and limits that a worker's settings give to ffmpeg."""

import threading
from functools import lru_cache
from pathlib import Path

from tasks.media.conform import conformed
from tasks.media.probe import ProbeLimits
from tasks.media.process import RunLimits
from tasks.media.source import SourceInfo
from tasks.media.tools import Tools, find_tools
from tasks.settings import get_settings

#: Seconds any command may take, however short the film.
LEAST_WALL_SECONDS = 600.0
#: Seconds that an encoder may crawl before it counts as hung.
SLOW_SECONDS = 600.0
#: Bytes that stay free on the scratch disk.
SPARE_BYTES = 256 * 1024**2


@lru_cache(maxsize=1)
def tools() -> Tools:
    """ffmpeg and ffprobe of this worker. Raises ToolMissing."""
    settings = get_settings()
    return find_tools(settings.ffmpeg, settings.ffprobe)


def run_limits(folder: Path, film_seconds: float) -> RunLimits:
    """Limits for a command that writes to ``folder`` and handles so many seconds of film."""
    settings = get_settings()
    return RunLimits(
        wall_seconds=LEAST_WALL_SECONDS + settings.wall_factor * film_seconds,
        stall_seconds=settings.stall_seconds,
        slow_seconds=SLOW_SECONDS,
        memory_bytes=settings.ffmpeg_memory_bytes,
        scratch_dir=folder,
        scratch_bytes=settings.scratch_bytes,
        min_free_bytes=SPARE_BYTES,
    )


def straight(source: Path, info: SourceInfo, stop: threading.Event) -> Path:
    """The file to read in place of a source: see `conformed`."""
    limits = run_limits(source.parent, info.duration).model_copy(update={"scratch_bytes": None})
    return conformed(source, info.repair, tools(), limits, stop=stop)


def probe_limits() -> ProbeLimits:
    """Limits for a source."""
    return ProbeLimits(duration_seconds=get_settings().max_duration_hours * 3600)
