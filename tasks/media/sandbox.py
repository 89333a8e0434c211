"""What a program that parses strangers' files may reach: its source, its folder, its libraries."""

import os
import re
import shutil
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from tasks.media import confined

#: Programs and libraries of the system, and what they read to start.
_SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
)
#: What tells how many processors and how much memory there are.
_MACHINE = (
    "/dev/urandom",
    "/dev/random",
    "/dev/zero",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system",
    "/sys/fs/cgroup",
)

#: Bytes of a script that are looked through for the programs it runs.
_SCRIPT_BYTES = 64 * 1024
#: Scripts that run one another before a program comes.
_SCRIPTS_DEEP = 4
_PATH = re.compile(rb"/[\w./+-]+")


def confined_argv(
    argv: Sequence[str],
    *,
    folder: Path | None,
    data_bytes: int | None,
    port: int | None = None,
) -> list[str]:
    """The command that runs ``argv`` behind walls.

    It may read the files that its arguments name, and write to ``folder``; without one, where its
    arguments name files that are not there yet. ``port`` is a TCP port of this machine that it may
    connect to. It dies with the process that calls this.
    """
    program = shutil.which(argv[0]) or argv[0]
    read, write = _named(argv[1:])
    written = ["/dev/null", *([folder] if folder is not None else write)]
    words = [f"p{os.getpid()}"]
    words += [f"d{data_bytes}"] if data_bytes is not None else []
    words += [f"n{port}"] if port is not None else []
    words += [f"r{path}" for path in (*_MACHINE, *read)]
    words += [f"w{path}" for path in written]
    words += [f"x{path}" for path in (*_SYSTEM, *_program_paths(program))]
    return [sys.executable, "-I", "-S", confined.__file__, *words, "--", program, *argv[1:]]


def _named(arguments: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """Files to read, and folders of files to write, among absolute paths.

    Of a command with ``-i`` only what follows one is read; of any other what is there.
    """
    read: list[Path] = []
    write: list[Path] = []
    inputs = "-i" in arguments
    for before, argument in zip(["", *arguments], arguments, strict=False):
        path = Path(argument.removeprefix("file:"))
        if not path.is_absolute():
            continue
        reads = before == "-i" if inputs else path.is_file()
        if reads and path.is_file() and path.suffix != ".m3u8":
            read.append(path)
        else:
            # A playlist goes with the segments beside it, and a pattern with all that it means.
            (read if reads else write).append(path.parent)
    return read, write


@lru_cache(maxsize=16)
def _program_paths(program: str) -> tuple[str, ...]:
    """A program, what it is a link to, the folders of its libraries, and what a script runs."""
    found = {Path(program), Path(program).resolve(), *_run_by(Path(program))}
    paths = [str(path) for one in found for path in (one, one.parent.parent / "lib")]
    paths += [path for path in os.environ.get("LD_LIBRARY_PATH", "").split(":") if path]
    return tuple(paths)


def _run_by(program: Path, deep: int = _SCRIPTS_DEEP) -> set[Path]:
    """The programs whose whole paths a script names, such as the real ffmpeg, and theirs."""
    with program.open("rb") as file:
        head = file.read(_SCRIPT_BYTES)
    if not head.startswith(b"#!") or not deep:
        return set()
    named = {Path(path.decode()) for path in _PATH.findall(head)} - {program}
    found = {path for path in named if path.is_file() and os.access(path, os.X_OK)}
    return found.union(*(_run_by(path, deep - 1) for path in found))
