"""The real web server, as `dailies web` runs it, for what a test client cannot show."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import psutil
import requests

from webapp.cli.up import children
from webapp.cli.up.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60.0


class Gunicorn:
    """One web process on a free port; a context manager that ends it."""

    def __init__(self, log: Path, app: str = "webapp.app:create_app()") -> None:
        self.app = app
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Gunicorn":
        with self._log.open("wb") as log:
            self._process = children.spawn(
                [
                    *(
                        sys.executable,
                        "-m",
                        "gunicorn",
                        "--config",
                        "python:webapp.gunicorn_config",
                    ),
                    *("--bind", f"127.0.0.1:{self.port}", self.app),
                ],
                env=dict(os.environ),
                cwd=ROOT,
                output=log,
            )
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                requests.get(f"{self.url}/healthz", timeout=10).raise_for_status()
                return self
            except (requests.ConnectionError, requests.Timeout):
                assert time.monotonic() < deadline, self.log
                assert self._process.poll() is None, self.log
                time.sleep(0.05)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        children.stop(self._process)

    def terminate(self) -> None:
        """Asks it to end (SIGTERM), as a platform does; leaving the context waits for that."""
        assert self._process is not None
        self._process.terminate()

    def kill(self) -> None:
        """SIGKILL to it and its worker processes."""
        assert self._process is not None
        children.signal_group(self._process, signal.SIGKILL)
        self._process.wait()

    def freeze(self) -> None:
        """Its worker processes stand still until `thaw`."""
        for worker in self._workers():
            worker.suspend()

    def thaw(self) -> None:
        """Undoes `freeze`."""
        for worker in self._workers():
            worker.resume()

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text(errors="replace")

    @property
    def memory(self) -> int:
        """Resident bytes of its worker processes."""
        return sum(worker.memory_info().rss for worker in self._workers())

    @property
    def descriptors(self) -> int:
        """Files and sockets that its worker processes have open."""
        return sum(worker.num_fds() for worker in self._workers())

    def _workers(self) -> list[psutil.Process]:
        assert self._process is not None
        return psutil.Process(self._process.pid).children(recursive=True)
