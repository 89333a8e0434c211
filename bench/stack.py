"""Dailies as it runs: embedded servers and the real processes, in a temporary folder."""

import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from bench.options import CannotMeasure
from tests.servers import Servers, isolate_environment
from webapp.cli.commands.checkout import ROOT, process_environment
from webapp.cli.up import children
from webapp.cli.up.servers import free_port

READY_SECONDS = 60.0
PROCESSES = ("web", "worker", "reconciler")


class Stack:
    """Running servers and processes. ``url`` is the web process's, ``token`` may do everything."""

    def __init__(
        self, folder: Path, servers: Servers, settings: Mapping[str, str], wanted: tuple[str, ...]
    ) -> None:
        self.folder = folder
        self.servers = servers
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = secrets.token_hex(16)
        self.environment = {
            **os.environ,
            **servers.environment(),
            "PORT": str(self.port),
            "DAILIES_HOST": "127.0.0.1",
            "DAILIES_API_TOKEN": self.token,
            "DAILIES_LOG_LEVEL": "warning",
            **settings,
        }
        self._wanted = wanted
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *more: str) -> None:
        """Starts the processes, or ``more`` of them, and returns when the web process says that all
        are ready."""
        names = more or self._wanted
        self._wanted = (*self._wanted, *more)
        data = self.folder / "data"
        environment = process_environment(self.environment, data)
        for name in names:
            with self._log(name).open("ab") as log:
                self._running[name] = children.spawn(
                    [sys.executable, "-m", "webapp", name], env=environment, cwd=ROOT, output=log
                )
        until = time.monotonic() + READY_SECONDS
        while not self._ready():
            for name, process in self._running.items():
                if process.poll() is not None:
                    raise CannotMeasure(f"{name} ended while starting:\n{self._tail(name)}")
            if time.monotonic() > until:
                raise CannotMeasure(f"not ready in {READY_SECONDS:g} s:\n{self._tail('web')}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Ends the processes; what is left of their groups too."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            children.stop(process)

    def tree(self, name: str) -> list[psutil.Process]:
        """A process (web, worker, reconciler, mongo, redis, s3) and all that it started."""
        running = {running.server.name: running for running in self.servers.all}
        pid = running[name].pid if name in running else self._running[name].pid
        try:
            root = psutil.Process(pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            raise CannotMeasure(f"{name} ended:\n{self._tail(name)}") from None

    def logs(self) -> str:
        """The ends of what the processes said."""
        return "\n".join(f"--- {name}\n{self._tail(name)}" for name in self._running)

    def _ready(self) -> bool:
        if "web" not in self._wanted:
            return True
        # Without a worker /readyz never says yes: then it is enough that the web process answers.
        path = "/readyz" if "worker" in self._wanted else "/healthz"
        try:
            with urllib.request.urlopen(self.url + path, timeout=5):
                return True
        except OSError:
            return False

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _tail(self, name: str) -> str:
        path = self._log(name)
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""


@contextmanager
def running_stack(
    folder: Path, settings: Mapping[str, str], wanted: tuple[str, ...] = PROCESSES
) -> Iterator[Stack]:
    """A started Stack below ``folder``; afterwards nothing of it runs. Raises CannotMeasure."""
    folder.mkdir(parents=True)
    isolate_environment()
    with ExitStack() as cleanup:
        servers = Servers(folder)
        cleanup.callback(servers.stop)
        servers.start()
        stack = Stack(folder, servers, settings, wanted)
        cleanup.callback(stack.stop)
        stack.start()
        yield stack
