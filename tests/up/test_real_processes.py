"""The project's own Procfile under `dailies up`, and alone as a PaaS runs it."""

import os
import signal
import subprocess
import urllib.request
from pathlib import Path

import psutil
from honcho.environ import parse_procfile

from tests.servers import Servers
from tests.up.running import ROOT, RunningUp, all_gone, dailies, eventually, plain_environment
from webapp.cli.commands.checkout import process_environment
from webapp.cli.up.servers import free_port


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return True
    except OSError:
        return False


def test_killed_masters_take_their_workers_along_and_come_back(tmp_path: Path) -> None:
    up = RunningUp(tmp_path, procfile=None)
    up.wait_for("Stop      Ctrl-C")
    assert _ready(up.port)

    for name, word in (("web", "gunicorn"), ("worker", "dramatiq"), ("reconciler", "reconciler")):
        master = up.child(word)
        family = [master, *master.children(recursive=True)]
        assert len(family) == (1 if name == "reconciler" else 2)
        master.kill()
        up.wait_for(f"{name} ended (killed by SIGKILL); starting it again")
        assert all_gone(family) == []
    assert eventually(lambda: _ready(up.port))
    assert "Traceback" not in up.output

    children = up.children()
    up.process.kill()
    assert all_gone(children) == []


def test_a_paas_runs_the_procfile_with_servers_of_its_own(clean: Servers, tmp_path: Path) -> None:
    port = free_port()
    commands = parse_procfile((ROOT / "Procfile").read_text()).processes
    settings = {**clean.environment(), "DAILIES_DATA": str(tmp_path)}
    environment = process_environment({**plain_environment(), **settings}, tmp_path)
    output = tmp_path / "output"
    processes = []
    with output.open("wb") as log:
        for command in commands.values():
            processes.append(
                psutil.Popen(
                    ["/bin/sh", "-c", f"exec {command}"],
                    cwd=ROOT,
                    env={**environment, "PORT": str(port)},
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )
    family: list[psutil.Process] = []
    try:
        assert eventually(lambda: _ready(port), timeout=60), output.read_text()
        assert "/sign-in/link/" in output.read_text()
        # A router outside the machine reaches it.
        listening = {c.laddr.ip for c in processes[0].net_connections() if c.status == "LISTEN"}
        assert listening == {"0.0.0.0"}

        report = dailies("doctor", **settings)
        assert report.returncode == 0, report.stdout + report.stderr
        assert "put, get and delete work" in report.stdout
        family = [child for process in processes for child in process.children(recursive=True)]
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(60)
    assert all_gone(family) == []


def test_doctor_names_what_is_missing_and_what_to_do(clean: Servers, tmp_path: Path) -> None:
    settings = {**clean.environment(), "DAILIES_DATA": str(tmp_path)}
    settings["S3_BUCKET"] = "nowhere"
    report = dailies("doctor", FFMPEG=os.devnull, **settings)
    assert report.returncode == 1
    lines = report.stdout.splitlines()
    assert lines[-1] == "Missing: S3, Workers, ffmpeg."
    assert any("S3_ENDPOINT_URL" in line for line in lines)
    assert any("dailies worker" in line for line in lines)
    assert any(f"FFMPEG={os.devnull}" in line for line in lines)


def test_doctor_is_content_where_everything_can_be_started(tmp_path: Path) -> None:
    report = dailies("doctor", "--data", str(tmp_path))
    assert report.returncode == 0, report.stdout + report.stderr
    assert report.stdout.splitlines()[-1] == "Everything needed is there."
