"""Encodes the pictures of a chunk, also where the source ends a little early."""

import re
import threading
from collections.abc import Callable
from pathlib import Path

from tasks.errors import EncoderFailed
from tasks.media.commands import chunk_command
from tasks.media.plan import Chunk, Plan
from tasks.media.process import Progress, RunLimits, run
from tasks.media.segments import ChunkOutput, gave_out, read_outputs
from tasks.media.source import SourceInfo
from tasks.media.tools import Tools

# What ffmpeg says where not one picture came out of the decoder; and where it has no way for them.
_NOTHING = re.compile(r"Could not open encoder before EOF|received no packets|Output file is empty")
_NO_WAY = re.compile(r"filter|Invalid argument.*graph|Impossible", re.IGNORECASE)


def encode_pictures(
    source: Path,
    info: SourceInfo,
    plan: Plan,
    chunk: Chunk,
    folder: Path,
    tools: Tools,
    *,
    preset: str,
    limits: RunLimits,
    stop: threading.Event | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> ChunkOutput:
    """Write a chunk in every rendition to the folders of `output_folders` below `folder`.

    Where the last pictures of a source cannot be decoded, the one before them stays, so that the
    film ends with its sound: the chunk is encoded once more. Raises as `run` and `read_outputs` do.
    """

    def encode(hold: int = 0) -> ChunkOutput:
        command = chunk_command(source, info, plan, chunk, folder, tools, preset=preset, hold=hold)
        try:
            run(command, limits=limits, stop=stop, on_progress=on_progress)
        except EncoderFailed as error:
            if _NOTHING.search(error.log) and not _NO_WAY.search(error.log):
                raise gave_out(plan, chunk, 0) from error
            raise
        return read_outputs(folder, plan, chunk)

    output = encode()
    missing = chunk.frames - output.frames
    if not missing:
        return output
    return encode(hold=missing).model_copy(update={"held": missing})
