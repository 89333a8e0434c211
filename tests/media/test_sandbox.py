"""What a program in ffmpeg's place may reach: its source and its folder, and nothing else."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.errors import EncoderFailed, TimedOut
from tasks.media import confined
from tasks.media.process import RunLimits, capture, run
from tasks.media.tools import Tools
from tests.media.clips import numbered_clip

# Tries each thing in turn, and says of each whether it went.
DECODER = """#!/bin/bash
try() { if "${@:2}" >/dev/null 2>&1; then echo "$1 yes"; else echo "$1 no"; fi; }
reach() { exec 3<>"/dev/tcp/127.0.0.1/$1"; }
try source cat "$1"
try own sh -c "echo x > '$2/out' && cat '$2/out'"
try mem head -c 1 "/proc/$3/mem"
try environ cat "/proc/$3/environ"
try secret cat "$4/secret_key"
try other cat "$4/other/segment.m4s"
try write sh -c "echo x > '$4/other/new'"
try beside sh -c "echo x > '$2/../new'"
try signal kill -0 "$3"
try loopback reach "$5"
try udp sh -c 'exec 3<>/dev/udp/127.0.0.1/9'
try passwords cat /etc/passwd
env | cut -d= -f1 | sed 's/^/has /'
"""


@pytest.fixture
def decoder(tmp_path: Path) -> Path:
    script = tmp_path / "decoder"
    script.write_text(DECODER)
    script.chmod(0o755)
    return script


def test_every_wall_is_here() -> None:
    assert confined.missing_walls() == []


def test_a_decoder_reaches_its_source_and_its_folder_alone(
    decoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "a secret")
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    source = tmp_path / "source"
    for path in (source, tmp_path / "secret_key", other / "segment.m4s"):
        path.write_text("x")
    with socket.create_server(("127.0.0.1", 0)) as server:
        output = capture(
            [
                *(str(decoder), str(source), str(own), str(os.getpid()), str(tmp_path)),
                str(server.getsockname()[1]),
            ],
            limits=RunLimits(wall_seconds=60, scratch_dir=own),
        ).decode()
    said = [tuple(line.split()) for line in output.splitlines()]
    assert {name for name, value in said if value == "yes"} == {"source", "own"}
    tried = {name for name, value in said if value == "no"}
    assert tried == {
        *("environ", "mem", "secret", "other", "write", "beside", "signal", "loopback", "udp"),
        "passwords",
    }
    variables = {value for name, value in said if name == "has"}
    assert "SECRET_KEY" not in variables
    assert variables <= {
        *("PATH", "LD_LIBRARY_PATH", "LC_ALL", "AV_LOG_FORCE_NOCOLOR", "PWD", "SHLVL", "_"),
    }
    assert sorted(path.name for path in other.iterdir()) == ["segment.m4s"]


def test_a_program_gets_no_more_rights_and_no_more_memory(tmp_path: Path) -> None:
    status = capture(
        ["sh", "-c", "while read line; do echo $line; done < /proc/self/limits"],
        limits=RunLimits(wall_seconds=60, memory_bytes=512 * 2**20, scratch_dir=Path("/proc")),
    ).decode()
    assert f"Max data size {512 * 2**20} {512 * 2**20} bytes" in status
    assert "Max core file size 0 0 bytes" in status


def test_ffmpeg_reads_its_source_and_writes_its_folder_and_no_other(
    tools: Tools, tmp_path: Path
) -> None:
    source = numbered_clip(tools, tmp_path / "source.mp4", "25", 25)
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    limits = RunLimits(wall_seconds=60, scratch_dir=own)

    def copy(target: Path) -> None:
        run([tools.ffmpeg, "-y", "-i", str(source), "-c", "copy", str(target)], limits=limits)

    copy(own / "copy.mp4")
    assert (own / "copy.mp4").stat().st_size > 1000
    with pytest.raises(EncoderFailed):
        copy(other / "copy.mp4")
    assert list(other.iterdir()) == []


CRAWLS = """
time=0
while :; do
    time=$((time + 1))
    printf 'frame=%d\\nout_time_us=%d\\nprogress=continue\\n' $time $time
    sleep 0.05
done
"""


def test_an_encoder_that_crawls_is_hung_though_it_moves() -> None:
    limits = RunLimits(wall_seconds=60, stall_seconds=30, slow_seconds=1.0)
    with pytest.raises(TimedOut, match=r"slower than 0\.02 times real time for 1 seconds"):
        run(["sh", "-c", CRAWLS], limits=limits)


def test_a_worker_cannot_be_read_by_others_of_its_user() -> None:
    hidden = "from tasks.media import confined as c; c.hide_memory(); print(c.libc.prctl(3))"
    said = subprocess.run([sys.executable, "-c", hidden], capture_output=True, check=True)
    assert said.stdout.strip() == b"0"
