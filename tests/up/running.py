"""A real `dailies up` in a process of its own, with what tests ask of it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from tasks.settings import Settings, variable
from webapp.cli.up.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
SMALL_PROCFILE = """\
web: python -m tests.up.small_web
ticker: sleep 1000
"""


def plain_environment() -> dict[str, str]:
    """The environment without any setting of Dailies, such as those of the tests' servers."""
    ours = {variable(name) for name in Settings.model_fields}
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ours and not name.startswith(("AWS_", "DAILIES_"))
    }


def dailies(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the console script to its end, for a minute at most."""
    return subprocess.run(
        [sys.executable, "-m", "webapp", *arguments],
        cwd=ROOT,
        env={**plain_environment(), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def eventually(true: Callable[[], object], timeout: float = 30.0) -> bool:
    """Whether ``true()`` becomes so within ``timeout`` seconds."""
    until = time.monotonic() + timeout
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


class RunningUp:
    """`dailies up` on ``folder``/var and a free port; its output goes to ``folder``/output.

    ``procfile``: its text; None for the project's own.
    """

    def __init__(
        self, folder: Path, procfile: str | None = SMALL_PROCFILE, **variables: str
    ) -> None:
        self.data = folder / "var"
        self.port = free_port()
        self._output = folder / "output"
        arguments = ["--data", str(self.data), "--port", str(self.port)]
        if procfile is not None:
            (folder / "Procfile").write_text(procfile)
            arguments += ["--procfile", str(folder / "Procfile")]
        with self._output.open("ab") as output:
            self.process = psutil.Popen(
                [sys.executable, "-m", "webapp", "up", *arguments],
                cwd=ROOT,
                env={**plain_environment(), **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        """All that it said until now."""
        return self._output.read_text(errors="replace")

    def wait_for(self, text: str, count: int = 1, timeout: float = 60.0) -> None:
        """Return when it has said ``text`` ``count`` times. Raises AssertionError."""
        eventually(
            lambda: self.output.count(text) >= count or self.process.poll() is not None, timeout
        )
        assert self.output.count(text) >= count, f"no {text!r} in:\n{self.output}"

    def instance(self) -> dict[str, Any]:
        """What it tells other commands: pid, url, environment."""
        announced: dict[str, Any] = json.loads((self.data / "run.json").read_text())
        return announced

    def children(self) -> list[psutil.Process]:
        """Every process that it started, and those that they started."""
        found: list[psutil.Process] = self.process.children(recursive=True)
        return found

    def child(self, *words: str) -> psutil.Process:
        """The one direct child whose command line has every word. Raises AssertionError."""
        matching = []
        for process in self.process.children():
            line = " ".join(command_line(process))
            if all(word in line for word in words):
                matching.append(process)
        assert len(matching) == 1, (words, matching)
        found: psutil.Process = matching[0]
        return found

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Tell it to stop, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code: int = self.process.wait(60)
        return code


def command_line(process: psutil.Process) -> list[str]:
    """How the process was started; nothing for one that has ended."""
    try:
        line: list[str] = process.cmdline()
    except psutil.NoSuchProcess:
        return []
    return line


def all_gone(processes: list[psutil.Process], timeout: float = 30.0) -> list[psutil.Process]:
    """Those of ``processes`` that still run after ``timeout`` seconds; zombies count as gone."""

    def left() -> list[psutil.Process]:
        return [
            process
            for process in processes
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        ]

    eventually(lambda: not _safely(left), timeout)
    return _safely(left)


def _safely(left: Callable[[], list[psutil.Process]]) -> list[psutil.Process]:
    try:
        return left()
    except psutil.NoSuchProcess:
        return _safely(left)
