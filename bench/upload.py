"""Memory of the web process while a large file comes in."""

import os
import time
from collections.abc import Iterator

from bench.client import PIECE_BYTES, Client
from bench.memory import MEGABYTE, peak_of
from bench.options import Options
from bench.report import Result
from bench.stack import running_stack

SIZE_MB, QUICK_MB = 320, 48
#: What a first upload loads (the storage client) stays loaded: it is no cost of a large file.
WARM_UP_MB = 1


def measure(options: Options) -> list[Result]:
    """How much the web process grows, and how fast it takes a file. Raises CannotMeasure."""
    size_mb = QUICK_MB if options.quick else SIZE_MB
    with running_stack(options.folder / "upload", options.settings, ("web",)) as stack:
        client = Client(stack.url, stack.token, timeout=600)
        client.upload("first.mp4", WARM_UP_MB * MEGABYTE, _pieces(WARM_UP_MB))
        with peak_of({"web": lambda: stack.tree("web")}) as peak:
            started = time.monotonic()
            client.upload("large.mp4", size_mb * MEGABYTE, _pieces(size_mb))
            seconds = time.monotonic() - started
        client.close()
    return [
        Result(f"web process grows in an upload of {size_mb} MB", peak.growth("web"), "MB", 50),
        Result("peak memory of the web process, upload", peak.mb["web"], "MB"),
        Result("upload to storage", size_mb / seconds, "MB/s"),
    ]


def _pieces(megabytes: int) -> Iterator[bytes]:
    # Random, so that nothing on the way can make it smaller.
    piece = os.urandom(PIECE_BYTES)
    for _ in range(megabytes * MEGABYTE // PIECE_BYTES):
        yield piece
