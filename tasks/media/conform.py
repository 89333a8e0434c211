"""Makes a copy of a source whose clock runs on from its beginning to its end.

Nothing is encoded: packets are copied, with new times. Each machine makes the copy for itself,
beside the source, from what the split step found.
"""

import os
import tempfile
import threading
from pathlib import Path

from tasks.errors import BadInput, EncoderFailed
from tasks.media.commands import conform_command
from tasks.media.process import RunLimits, run
from tasks.media.source import Repair
from tasks.media.tools import Tools


def conformed(
    source: Path,
    repair: Repair | None,
    tools: Tools,
    limits: RunLimits,
    *,
    stop: threading.Event | None = None,
) -> Path:
    """The file to read in place of a source: a copy beside it where its clock needs repair.

    Raises BadInput where its pieces cannot be put together, and as `run` does.
    """
    if repair is None:
        return source
    straight = source.with_name(f"{source.name}.straight")
    if straight.exists():
        return straight
    opened, name = tempfile.mkstemp(prefix=f"{source.name}.", suffix=".part", dir=source.parent)
    os.close(opened)
    part = Path(name)
    try:
        run(conform_command(source, repair, part, tools), limits=limits, stop=stop)
        part.replace(straight)
    except (BadInput, EncoderFailed) as error:
        raise BadInput(
            "The file is joined of pieces whose clocks begin again, and they cannot be put end to"
            " end. Upload the pieces one by one, or join them with an editor.",
            log=error.log,
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return straight
