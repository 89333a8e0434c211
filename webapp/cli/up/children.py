"""Child processes that cannot outlive their parent, whatever ends the parent.

Each child leads a session (so a signal reaches all it started) and asks the kernel for SIGKILL on
the death of the thread that started it. So one thread, which lives as long as this process, starts
them all, whoever asks.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from tasks.tether import tethered

_STARTER = ThreadPoolExecutor(1, thread_name_prefix="starts children")


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    output: IO[bytes] | int | None = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start ``argv`` tethered, in a session of its own; ``output`` takes both its streams.

    Raises OSError where it cannot be started.
    """

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            tethered(argv),
            env=None if env is None else dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    return _STARTER.submit(start).result()


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the child and everything in its process group; gone is fine."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return


def stop(process: subprocess.Popen[bytes], grace: float = 10.0) -> int:
    """End a child: SIGTERM, and SIGKILL after ``grace`` seconds. Returns its exit code."""
    if process.poll() is None:
        # Only the leader: gunicorn and dramatiq tell their own workers, in their own order.
        process.terminate()
        # A stopped process (SIGSTOP) sees no SIGTERM until it goes on.
        signal_group(process, signal.SIGCONT)
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
    # Also when the leader has gone by itself: what it left behind in its group goes too.
    signal_group(process, signal.SIGKILL)
    return process.wait()
