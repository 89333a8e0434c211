"""Dailies' own processes, as a platform runs them: each can be killed, and all end in the end."""

import socket
import subprocess
import sys
from pathlib import Path

import psutil

from tasks.models import Step
from tasks.queue.workers import workers
from tests.recovery.paced import FAST, paced
from tests.recovery.waiting import until
from tests.servers import Servers
from tests.up.running import ROOT, all_gone, command_line, plain_environment
from webapp.cli.up import children

#: What shortens waiting without changing what happens.
QUICK = {
    "DAILIES_LEASE_SECONDS": "3",
    "DAILIES_RECONCILE_SECONDS": "0.5",
    "DAILIES_RETRY_MIN_SECONDS": "0.5",
    "DAILIES_CHUNK_SECONDS": "6",
    "DAILIES_X264_PRESET": "ultrafast",
}


class Running:
    """One process of Dailies and all that it started."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.popen = process
        self.process = psutil.Process(process.pid)

    def family(self) -> list[psutil.Process]:
        """The process and every descendant of it that lives now."""
        return [self.process, *self.process.children(recursive=True)]

    def kill(self) -> None:
        """SIGKILL to the process alone, as the kernel does when memory is short."""
        self.popen.kill()
        self.popen.wait()

    def stop(self) -> None:
        """Ends it in order."""
        children.stop(self.popen)


class Worker(Running):
    """A worker: the master, and one process that does the work.

    ``encoder_script`` is the ffmpeg that it is told to run.
    """

    def __init__(self, process: subprocess.Popen[bytes], ffmpeg: str, encoder_script: Path) -> None:
        super().__init__(process)
        self._ffmpeg = ffmpeg
        self._script = encoder_script

    def hurry(self) -> None:
        """Lets every ffmpeg that it starts from now on be as fast as the machine can: for what is
        left to do when a test has acted in the middle of the work."""
        paced(self._ffmpeg, self._script, FAST)

    def working(self) -> psutil.Process:
        """The process that does the work, once it is there."""
        return until(self._working, "a worker's second process")

    def _working(self) -> psutil.Process | None:
        # The resource tracker of multiprocessing is a child too.
        forked = [c for c in self.process.children() if "tracker" not in " ".join(command_line(c))]
        return forked[0] if forked else None

    @property
    def name(self) -> str:
        """What it calls itself in leases and histories."""
        return f"{socket.gethostname()}:{self.working().pid}"

    def encoders(self, step: Step | None = None) -> list[psutil.Process]:
        """The ffmpeg processes that it runs, for one step or for any."""
        mark = f"{step.job_id}-" if step is not None else "hls_segment_type"
        lines = [(c, command_line(c)) for c in self.process.children(recursive=True)]
        # What is still narrowing itself to become ffmpeg is none yet.
        return [
            child
            for child, line in lines
            if any(mark in word for word in line)
            and not any(word.endswith("confined.py") for word in line)
        ]

    def encoder(self, step: Step) -> psutil.Process:
        """The one ffmpeg that it runs for a step."""
        return until(lambda: self.encoders(step), f"an ffmpeg of {step.job_id}", 30)[0]

    def hold(self, step: Step) -> psutil.Process:
        """The ffmpeg that it runs for a step, stopped: so it stays in the middle of its work."""
        encoder = self.encoder(step)
        encoder.suspend()
        return encoder


class Dailies:
    """Starts processes over ``servers``, with ``settings`` in their environment.

    What they say goes to ``folder``/<name>.log.
    """

    def __init__(
        self, servers: Servers, folder: Path, ffmpeg: str, settings: dict[str, str]
    ) -> None:
        self.folder = folder
        self.ffmpeg = ffmpeg
        self.environment = {
            **plain_environment(),
            **servers.environment(),
            **QUICK,
            "DAILIES_DATA": str(folder / "data"),
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        self._started: list[Running] = []

    def worker(self, *, pace: float, threads: int = 1) -> Worker:
        """Starts a worker that does ``threads`` pieces of work at a time, and encodes ``pace``
        times as fast as a viewer would watch: slowly enough to act in the middle of it."""
        script = paced(self.ffmpeg, self.folder / f"ffmpeg-{len(self._started)}", pace)
        settings = {"FFMPEG": str(script), "DAILIES_WORKER_THREADS": str(threads)}
        worker = Worker(self._spawn("worker", settings), self.ffmpeg, script)
        self._started.append(worker)
        return worker

    def two_workers(self, *, pace: float) -> tuple[Worker, Worker]:
        """Two workers that are ready: neither has begun when the other comes."""
        pair = self.worker(pace=pace), self.worker(pace=pace)
        until(lambda: len(workers()) == 2, "two workers that say that they live")
        return pair

    def start(self, name: str) -> Running:
        """Starts ``web`` or ``reconciler``."""
        running = Running(self._spawn(name, {}))
        self._started.append(running)
        return running

    def _spawn(self, name: str, settings: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return children.spawn(
                [sys.executable, "-m", "webapp", name],
                env={**self.environment, **settings},
                cwd=ROOT,
                output=log.fileno(),
            )

    def said(self) -> str:
        """All that the processes said until now."""
        logs = sorted(self.folder.glob("*.log"))
        return "".join(f"--- {log.name}\n{log.read_text(errors='replace')}" for log in logs)

    def close(self) -> None:
        """Ends everything. Raises AssertionError where something is left behind."""
        family: list[psutil.Process] = []
        for running in self._started:
            if running.popen.poll() is None:
                family += running.family()
        for running in self._started:
            running.kill()
        left = all_gone(family)
        for process in left:
            process.kill()
        assert left == []
