"""Keeps programs running: whatever ends is started again, until everything is told to stop."""

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from webapp.cli.up import children
from webapp.cli.up.console import Console

# A program that ran for so long counts as healthy: its next end is a first one again.
_HEALTHY_SECONDS = 10.0
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 10.0
_TICK_SECONDS = 0.1
_GRACE_SECONDS = 10.0


@dataclass
class Program:
    """Something to keep running.

    ``log``: where its output goes; None for the console. ``wait_ready``: returns when it answers,
    or raises; it gets a function that tells whether it still runs.
    """

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path | None = None
    wait_ready: Callable[[Callable[[], bool]], None] | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _started: float = field(default=0.0, init=False)
    _quick_ends: int = field(default=0, init=False)
    _start_at: float | None = field(default=None, init=False)

    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.poll() is None

    def start(self, console: Console) -> None:
        """Start it. Raises OSError where its executable cannot be run."""
        if self.log is None:
            self.process = self._spawn(subprocess.PIPE)
            assert self.process.stdout
            console.relay(self.name, self.process.stdout)
        else:
            with self.log.open("ab") as log:
                self.process = self._spawn(log.fileno())
        self._started = time.monotonic()
        self._start_at = None

    def _spawn(self, output: int) -> subprocess.Popen[bytes]:
        return children.spawn(self.argv, env=self.environment, cwd=self.folder, output=output)

    def ended(self) -> float:
        """Note that it has ended, and when to start it again. Returns the seconds until then.

        At once the first time; later and later while it keeps ending within seconds.
        """
        assert self.process
        # What it started must not go on beside the next one (and hold its port).
        children.signal_group(self.process, signal.SIGKILL)
        now = time.monotonic()
        if now - self._started >= _HEALTHY_SECONDS:
            self._quick_ends = 0
        wait = 0.0
        if self._quick_ends:
            wait = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2.0 ** (self._quick_ends - 1))
        self._quick_ends += 1
        self._start_at = now + wait
        return wait

    @property
    def end_unnoticed(self) -> bool:
        """Whether it has ended and nobody called `ended` yet."""
        return self._start_at is None and not self.is_alive()

    @property
    def due(self) -> bool:
        """Whether it has ended and is to be started now."""
        return self._start_at is not None and time.monotonic() >= self._start_at

    def log_tail(self, lines: int = 5) -> str:
        """The last lines of its log file, or nothing."""
        if self.log is None or not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def describe_end(code: int | None) -> str:
    """An exit code in words: a number, or the name of the signal."""
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


class Supervisor:
    """Starts programs, starts again what ends, and stops all. One thread calls it: the main one."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._programs: list[Program] = []
        self._stop = threading.Event()

    @property
    def stopping(self) -> bool:
        """Whether somebody asked for the end."""
        return self._stop.is_set()

    def ask_to_stop(self, *_signal: object) -> None:
        """Make `run` and `sleep` return. Fit for a signal handler."""
        self._stop.set()

    def add(self, program: Program) -> None:
        """Start ``program`` and keep it running from now on. Raises OSError."""
        program.start(self._console)
        self._programs.append(program)

    def tick(self) -> None:
        """Look at every program once, and start again what has ended and is due."""
        for program in self._programs:
            if program.end_unnoticed:
                assert program.process
                how = describe_end(program.process.returncode)
                wait = program.ended()
                when = f"in {wait:g} s" if wait else "now"
                self._console.say(f"{program.name} ended ({how}); starting it again {when}")
            if program.due:
                try:
                    program.start(self._console)
                    self._say_when_ready(program)
                except OSError as error:
                    self._console.say(f"{program.name} cannot be started: {error}")
                    program.ended()

    def _say_when_ready(self, program: Program) -> None:
        wait_ready = program.wait_ready
        if wait_ready is None:
            return

        def watch() -> None:
            # Where it does not come up, the next look at it says so.
            with contextlib.suppress(Exception):
                wait_ready(program.is_alive)
                self._console.say(f"{program.name} answers again")

        threading.Thread(target=watch, name=f"start of {program.name}", daemon=True).start()

    def run(self) -> None:
        """Keep everything running until asked to stop."""
        while not self._stop.wait(_TICK_SECONDS):
            self.tick()

    def stop_all(self) -> None:
        """End every program: those that were added last first, each with some seconds to do it.

        Programs with a log of their own (servers) end only when the others are gone, because the
        others write to them until their last moment. A second request to stop ends the patience.
        """
        self._stop.clear()
        users = [program for program in self._programs if program.log is None]
        servers = [program for program in self._programs if program.log is not None]
        for group in (users, servers):
            self._stop_group(group)
        self._programs.clear()

    def _stop_group(self, programs: list[Program]) -> None:
        running = [program.process for program in programs if program.process is not None]
        for process in running:
            if process.poll() is None:
                process.terminate()
                # A frozen process sees no SIGTERM until it goes on.
                children.signal_group(process, signal.SIGCONT)
        until = time.monotonic() + _GRACE_SECONDS
        while any(process.poll() is None for process in running):
            if time.monotonic() > until or self._stop.wait(_TICK_SECONDS / 2):
                break
        for process in running:
            children.stop(process, grace=0)
