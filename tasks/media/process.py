"""Runs ffmpeg and ffprobe: the one module here that starts processes.

A process gets its own session, so that it and whatever it starts is killed whole: when it is
stopped, runs too long, stands still, or takes too much disk. It dies with the worker, even one
killed by -9, and reaches nothing but its source and its folder (`sandbox`).
"""

import contextlib
import math
import os
import re
import selectors
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tasks.errors import BadInput, EncoderFailed, OutOfDisk, Stopped, TimedOut, WorkError
from tasks.media.sandbox import confined_argv
from tasks.tether import tethered

# How often stop and time limits are looked at: a cancelled job stops within half a second.
TICK_SECONDS = 0.2
# A process closes its pipes when it ends: from then on it is a matter of milliseconds.
EXIT_POLL_SECONDS = 0.01
# How often the scratch folder is measured: walking it costs a few system calls per file.
DISK_CHECK_SECONDS = 1.0
# A multiple of real time: an encoder that is slower for long is hung, though it still moves.
SLOWEST_SPEED = 0.02
LOG_LINES = 60
# A line of a log longer than this is cut: nobody reads on, and it is kept with the job.
LOG_LINE_CHARACTERS = 500
LOG_LINE_BYTES = 4 * LOG_LINE_CHARACTERS
# Bytes of output that are kept whole: what ffprobe says of 64 streams is less than 100 kB.
MOST_CAPTURED = 16 * 1024**2


class RunLimits(BaseModel):
    """What one process may take. None means no limit."""

    model_config = ConfigDict(frozen=True)

    wall_seconds: float | None = None
    stall_seconds: float | None = None  # longest time without progress
    slow_seconds: float | None = None  # longest time at less than SLOWEST_SPEED
    memory_bytes: int | None = None  # of private data (RLIMIT_DATA)
    scratch_dir: Path | None = None
    scratch_bytes: int | None = None  # largest size of scratch_dir
    min_free_bytes: int | None = None  # smallest free space on scratch_dir's disk


class Progress(BaseModel):
    """One report of `ffmpeg -progress`. `speed` is a multiple of real time."""

    model_config = ConfigDict(frozen=True)

    frame: int = 0
    out_time_s: float = 0.0
    fps: float = 0.0
    speed: float = 0.0


class RunResult(BaseModel):
    """A process that ended well: the last lines of its log, and how long it ran."""

    model_config = ConfigDict(frozen=True)

    log_tail: str
    seconds: float


def run(
    argv: Sequence[str],
    *,
    limits: RunLimits,
    stop: threading.Event | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    log_lines: int = LOG_LINES,
) -> RunResult:
    """Run an ffmpeg command that reports with `-progress pipe:1` until it ends.

    The last `log_lines` lines of its log are kept.
    Call it from the thread that lives as long as the work: the kernel ties "dies with its parent"
    to the starting thread. An exception out of `on_progress` kills the process and goes on up.
    Raises Stopped, TimedOut, OutOfDisk, BadInput or EncoderFailed.
    """
    reader = _ProgressReader(on_progress)
    started = time.monotonic()
    event = stop or threading.Event()
    log = _supervise(argv, limits, event, reader.feed, reader, log_lines)
    return RunResult(log_tail=log, seconds=time.monotonic() - started)


def read(
    argv: Sequence[str],
    on_output: Callable[[bytes], None],
    *,
    limits: RunLimits,
    stop: threading.Event | None = None,
) -> None:
    """Run a command (ffprobe) and hand on what it writes to its standard output, as it comes.

    An exception out of `on_output` kills the process and goes on up. Raises as `run` does.
    """
    _supervise(argv, limits, stop or threading.Event(), on_output, None)


def capture(
    argv: Sequence[str],
    *,
    limits: RunLimits,
    stop: threading.Event | None = None,
    most_bytes: int = MOST_CAPTURED,
) -> bytes:
    """The same for a short output, which is returned. Raises BadInput where it is not short."""
    output = bytearray()

    def keep(data: bytes) -> None:
        output.extend(data)
        if len(output) > most_bytes:
            raise BadInput(f"The file tells more of itself than {most_bytes:,} bytes.")

    read(argv, keep, limits=limits, stop=stop)
    return bytes(output)


class _ProgressReader:
    """Puts the key=value lines of `-progress` together to reports."""

    def __init__(self, on_progress: Callable[[Progress], None] | None) -> None:
        self._on_progress = on_progress
        self._rest = b""
        self._block: dict[str, str] = {}
        self._furthest = (0, 0.0)
        self._moved_at = time.monotonic()
        #: Where it was when it last went at SLOWEST_SPEED at least: seconds of film, and when.
        self._paced = (0.0, time.monotonic())

    def paced_at(self) -> float:
        """When it last was as fast as it must be (monotonic clock)."""
        return self._paced[1]

    def moved_at(self) -> float:
        """When a report last said more than the one before (monotonic clock)."""
        return self._moved_at

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            key, _, value = line.decode(errors="replace").partition("=")
            self._block[key.strip()] = value.strip()
            if key.strip() == "progress":  # the last line of each report
                self._report()

    def _report(self) -> None:
        block, self._block = self._block, {}
        progress = Progress(
            frame=int(_number(block.get("frame"))),
            out_time_s=max(0.0, _number(block.get("out_time_us")) / 1e6),
            fps=_number(block.get("fps")),
            speed=_number(block.get("speed", "").rstrip("x")),
        )
        reached = (progress.frame, progress.out_time_s)
        place, since = self._paced
        now = time.monotonic()
        if progress.out_time_s - place >= SLOWEST_SPEED * (now - since):
            self._paced = (progress.out_time_s, now)
        if reached > self._furthest:
            self._furthest = reached
            self._moved_at = time.monotonic()
        if self._on_progress:
            self._on_progress(progress)


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:  # "N/A", until something was written
        return 0.0


def _supervise(
    argv: Sequence[str],
    limits: RunLimits,
    stop: threading.Event,
    on_output: Callable[[bytes], None],
    pace: "_ProgressReader | None",
    log_lines: int = LOG_LINES,
) -> str:
    """Run to the end and return the log's tail; kill the whole group on the way out if need be."""
    if stop.is_set():
        raise Stopped("The work was stopped before it began.")
    lines: deque[str] = deque(maxlen=log_lines)
    process = subprocess.Popen(
        tethered(confined_argv(argv, folder=limits.scratch_dir, data_bytes=limits.memory_bytes)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=_environment(),
    )
    try:
        watch = _Watch(limits, stop, pace)
        _pump(process, on_output, lines, watch)
        _wait(process, watch)
    except WorkError as error:
        error.log = "\n".join(lines)
        raise
    finally:
        _kill_group(process)
    log = "\n".join(lines)
    if process.returncode != 0:
        raise _failure(process.returncode, log)
    return log


_KEPT_VARIABLES = {"PATH", "LD_LIBRARY_PATH"}


def _environment() -> dict[str, str]:
    # Nothing secret goes to a process that parses strangers' files; and plain logs, no colour.
    kept = {k: v for k, v in os.environ.items() if k in _KEPT_VARIABLES}
    return {**kept, "LC_ALL": "C.UTF-8", "AV_LOG_FORCE_NOCOLOR": "1"}


def _pump(
    process: subprocess.Popen[bytes],
    on_output: Callable[[bytes], None],
    lines: deque[str],
    watch: "_Watch",
) -> None:
    """Read both pipes until the process has closed them."""
    assert process.stdout is not None
    assert process.stderr is not None
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stderr, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select(TICK_SECONDS):
                data = os.read(key.fd, 65536)
                if not data:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    on_output(data)
                else:
                    *whole, rest = re.split(rb"[\r\n]+", rest + data)
                    lines.extend(_log_line(line) for line in whole if line)
                    rest = rest[:LOG_LINE_BYTES]
            watch.check()
    if rest:
        lines.append(_log_line(rest))


def _log_line(line: bytes) -> str:
    return line.decode(errors="replace")[:LOG_LINE_CHARACTERS]


def _wait(process: subprocess.Popen[bytes], watch: "_Watch") -> None:
    # Not reaped yet: until its group was killed, nobody else may get its number.
    ended = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while os.waitid(os.P_PID, process.pid, ended) is None:
        watch.check()
        time.sleep(EXIT_POLL_SECONDS)


class _Watch:
    """Checks, every tick, whether the process may go on."""

    def __init__(
        self,
        limits: RunLimits,
        stop: threading.Event,
        pace: _ProgressReader | None,
    ) -> None:
        self._limits = limits
        self._stop = stop
        self._pace = pace
        self._started = self._disk_checked = time.monotonic()

    def check(self) -> None:
        limits, now = self._limits, time.monotonic()
        if self._stop.is_set():
            raise Stopped("The work was stopped.")
        if limits.wall_seconds is not None and now - self._started > limits.wall_seconds:
            raise TimedOut(
                f"The work took longer than the {_duration(limits.wall_seconds)} allowed for it."
            )
        if limits.stall_seconds is not None and now - self._moved() > limits.stall_seconds:
            raise TimedOut(f"The encoder made no progress for {_duration(limits.stall_seconds)}.")
        if limits.slow_seconds is not None and self._pace is not None:
            slow_since = max(self._pace.paced_at(), self._started)
            if now - slow_since > limits.slow_seconds:
                raise TimedOut(
                    f"The encoder was slower than {SLOWEST_SPEED:g} times real time for"
                    f" {_duration(limits.slow_seconds)}."
                )
        if limits.scratch_dir is not None and now - self._disk_checked > DISK_CHECK_SECONDS:
            self._disk_checked = now
            self._check_disk(limits.scratch_dir)

    def _moved(self) -> float:
        if self._pace is None:
            return math.inf  # a process that reports nothing cannot be seen to stand still
        return max(self._pace.moved_at(), self._started)

    def _check_disk(self, folder: Path) -> None:
        limits = self._limits
        if limits.scratch_bytes is not None and size_of(folder) > limits.scratch_bytes:
            raise OutOfDisk(
                f"The work took more scratch disk than the {_megabytes(limits.scratch_bytes)}"
                " allowed for it."
            )
        free = shutil.disk_usage(folder).free if folder.exists() else math.inf
        if limits.min_free_bytes is not None and free < limits.min_free_bytes:
            raise OutOfDisk(
                "The worker's scratch disk is nearly full: less than"
                f" {_megabytes(limits.min_free_bytes)} free."
            )


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; 0 where there is none."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118 (hot)
            except FileNotFoundError:
                continue  # renamed or removed while we looked
    return total


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # Even after a good end: nothing the process started may outlive it.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()


_BAD_SOURCE = re.compile(
    r"Invalid data found when processing input"
    r"|moov atom not found"
    r"|does not contain any stream"
    r"|matches no streams"
    r"|Decoder \([^)]*\) not found|Decoding requested, but no decoder found"
)
_NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded")
_NO_MEMORY = re.compile(r"Cannot allocate memory|std::bad_alloc|out of memory", re.IGNORECASE)


def _failure(returncode: int, log: str) -> WorkError:
    if _NO_SPACE.search(log):
        return OutOfDisk("The worker's scratch disk is full.", log=log)
    if _NO_MEMORY.search(log):
        return EncoderFailed("The encoder needed more memory than it is allowed.", log=log)
    if returncode < 0:
        name = signal.Signals(-returncode).name
        return EncoderFailed(f"The encoder was killed by {name}.", log=log)
    if _BAD_SOURCE.search(log):
        return BadInput("The source cannot be decoded: its data is damaged.", log=log)
    return EncoderFailed(f"The encoder ended with an error (exit status {returncode}).", log=log)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds >= 120 else f"{seconds:g} seconds"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
