"""Processes end with what started them, keep to their limits, and say why they failed."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from tasks.errors import BadInput, Category, EncoderFailed, OutOfDisk, Stopped, TimedOut
from tasks.media.process import Progress, RunLimits, capture, run
from tasks.media.tools import Tools
from tests.media.clips import numbered_clip

#: Not the virtual environment's link to it: of that folder a program may read nothing.
PYTHON = str(Path(sys.executable).resolve())
NO_LIMITS = RunLimits()
BRIEFLY = RunLimits(wall_seconds=20)
# Reports like ffmpeg, one frame a tick; ignores polite requests to end; has a child of its own,
# whose id is the first thing it says.
STUBBORN = """
trap '' TERM
sleep 600 &
echo $! >&2
frame=0
while :; do
    frame=$((frame + $1))
    printf 'frame=%d\\nfps=25.0\\nout_time_us=%d\\n' $frame $((frame * 40000))
    printf 'speed=1.5x\\nprogress=continue\\n'
    sleep 0.05
done
"""


def stubborn(frames_a_tick: int = 1) -> list[str]:
    return ["sh", "-c", STUBBORN, "sh", str(frames_a_tick)]


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie nobody reaps counts as ended)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_gone(pid: int) -> bool:
    deadline = time.monotonic() + 20
    while not gone(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return gone(pid)


def test_progress_is_reported_as_it_is_made() -> None:
    seen: list[Progress] = []
    stop = threading.Event()

    def watch(progress: Progress) -> None:
        seen.append(progress)
        if progress.frame == 5:
            stop.set()

    with pytest.raises(Stopped):
        run(stubborn(), limits=NO_LIMITS, stop=stop, on_progress=watch)

    assert seen[4] == Progress(frame=5, out_time_s=0.2, fps=25.0, speed=1.5)


def test_a_stopped_process_is_gone_with_its_children() -> None:
    stop = threading.Event()

    with pytest.raises(Stopped) as caught:
        run(stubborn(), limits=NO_LIMITS, stop=stop, on_progress=lambda _: stop.set())

    assert caught.value.category is Category.cancelled
    assert wait_gone(int(caught.value.log))


def test_an_exception_in_the_report_ends_the_process() -> None:
    def lose_the_lease(progress: Progress) -> None:
        raise LookupError("lease lost")

    started = {process.pid for process in psutil.Process().children(recursive=True)}
    with pytest.raises(LookupError, match="lease lost"):
        run(stubborn(), limits=NO_LIMITS, on_progress=lose_the_lease)

    left = [p for p in psutil.Process().children(recursive=True) if p.pid not in started]
    assert not [process for process in left if not wait_gone(process.pid)]


def test_a_process_that_runs_too_long() -> None:
    with pytest.raises(TimedOut, match=r"longer than the 1\.5 seconds") as caught:
        run(stubborn(), limits=RunLimits(wall_seconds=1.5))
    assert caught.value.retryable
    assert wait_gone(int(caught.value.log))


def test_a_process_that_reports_but_gets_nowhere() -> None:
    with pytest.raises(TimedOut, match=r"no progress for 0\.5 seconds"):
        run(stubborn(frames_a_tick=0), limits=RunLimits(stall_seconds=0.5, wall_seconds=60))


def test_a_process_that_moves_is_not_taken_for_stalled() -> None:
    with pytest.raises(TimedOut, match="longer than"):
        run(stubborn(), limits=RunLimits(stall_seconds=1.5, wall_seconds=2.5))


def test_a_process_that_fills_the_disk(tmp_path: Path) -> None:
    script = (
        f"import time; open({str(tmp_path / 'a')!r}, 'wb').write(bytes(2000000)); time.sleep(60)"
    )
    limits = RunLimits(scratch_dir=tmp_path, scratch_bytes=1_000_000)

    with pytest.raises(OutOfDisk, match="more scratch disk than the 1 MB allowed"):
        run([PYTHON, "-c", script], limits=limits)


def test_a_disk_that_others_have_filled(tmp_path: Path) -> None:
    limits = RunLimits(scratch_dir=tmp_path, min_free_bytes=10**18)

    with pytest.raises(OutOfDisk, match="nearly full"):
        run(["sleep", "60"], limits=limits)


def test_a_process_that_wants_too_much_memory() -> None:
    # The limit is set from outside, when the process runs already.
    script = (
        "import resource, time\n"
        "while resource.getrlimit(resource.RLIMIT_DATA)[0] < 0: time.sleep(0.01)\n"
        "bytearray(500_000_000)"
    )
    limits = RunLimits(memory_bytes=200_000_000, wall_seconds=60)

    with pytest.raises(EncoderFailed) as caught:
        run([PYTHON, "-c", script], limits=limits)
    assert "MemoryError" in caught.value.log


@pytest.mark.parametrize(
    ("log", "kind", "sentence"),
    [
        ("av_interleaved_write_frame(): No space left on device", OutOfDisk, "disk is full"),
        ("Invalid data found when processing input", BadInput, "source cannot be decoded"),
        ("malloc: Cannot allocate memory", EncoderFailed, "more memory"),
        ("Error while opening encoder", EncoderFailed, r"exit status 3"),
    ],
)
def test_failures_are_told_apart_by_the_log(log: str, kind: type[Exception], sentence: str) -> None:
    script = f"import sys; print({log!r}, file=sys.stderr); sys.exit(3)"

    with pytest.raises(kind, match=sentence) as caught:
        run([PYTHON, "-c", script], limits=NO_LIMITS)
    assert caught.value.log == log  # type: ignore[attr-defined]


def test_a_process_killed_by_something_else() -> None:
    script = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"

    with pytest.raises(EncoderFailed, match="killed by SIGSEGV"):
        run([PYTHON, "-c", script], limits=NO_LIMITS)


def test_only_the_end_of_a_long_log_is_kept() -> None:
    script = "import sys; [print('line', n, 'x' * 900, file=sys.stderr) for n in range(500)]"

    lines = run([PYTHON, "-c", script], limits=NO_LIMITS).log_tail.splitlines()

    assert len(lines) == 60
    assert lines[-1].startswith("line 499 x")
    assert len(lines[-1]) == 500


def test_the_environment_keeps_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")

    output = capture([PYTHON, "-c", "import os; print(os.environ)"], limits=BRIEFLY)

    assert b"hush" not in output
    assert b"PATH" in output


def test_a_large_output_is_captured_whole() -> None:
    script = "import sys; sys.stdout.write('x' * 3_000_000)"

    assert len(capture([PYTHON, "-c", script], limits=BRIEFLY)) == 3_000_000


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_encoder_dies_with_a_worker_that_is_killed(
    tools: Tools, tmp_path: Path, how: signal.Signals
) -> None:
    source = numbered_clip(tools, tmp_path / "source.mp4", "25", 50)
    slow = [tools.ffmpeg, "-re", "-stream_loop", "-1", "-i", str(source), "-f", "null", "-"]
    script = (
        "from tasks.media.process import run, RunLimits\n"
        f"run({[*slow, '-progress', 'pipe:1']!r}, limits=RunLimits(),"
        " on_progress=lambda p: print('going', flush=True))"
    )
    worker = subprocess.Popen([PYTHON, "-c", script], stdout=subprocess.PIPE)
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"going\n"
    encoders = psutil.Process(worker.pid).children(recursive=True)
    assert encoders

    os.kill(worker.pid, how)

    worker.wait(30)
    worker.stdout.close()
    assert all(wait_gone(encoder.pid) for encoder in encoders)
