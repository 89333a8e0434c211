"""Encodes the sound of a source, also where it changes its layout or rate on the way."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from tasks.media.commands import audio_command, decoded_audio_command
from tasks.media.plan import Plan
from tasks.media.process import Progress, RunLimits, run
from tasks.media.segments import RenditionOutput, UnsteadyAudio, read_audio
from tasks.media.source import SourceInfo
from tasks.media.tools import Tools

_DECODED = "decoded.nut"


def encode_sound(
    source: Path,
    info: SourceInfo,
    plan: Plan,
    folder: Path,
    tools: Tools,
    *,
    limits: RunLimits,
    stop: threading.Event | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> RenditionOutput:
    """Writes the audio rendition of the plan to its folder below `folder`, which must exist.

    Whether the sound changes on the way shows only in the result. Then it is decoded to a file
    (some 400 kB a second) and encoded anew. Raises as `run` and `read_audio` do.
    """

    def encode(decoded: Path | None = None) -> RenditionOutput:
        command = audio_command(source, info, plan, folder, tools, decoded=decoded)
        run(command, limits=limits, stop=stop, on_progress=on_progress)
        return read_audio(folder, plan)

    try:
        return encode()
    except UnsteadyAudio:
        output = folder / (plan.audio.name if plan.audio is not None else "")
    shutil.rmtree(output)
    output.mkdir()
    decoded = folder / _DECODED
    try:
        command = decoded_audio_command(source, info, plan, decoded, tools)
        run(command, limits=limits, stop=stop, on_progress=on_progress)
        return encode(decoded)
    finally:
        decoded.unlink(missing_ok=True)
