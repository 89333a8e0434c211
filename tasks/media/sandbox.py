"""What a program that parses strangers' files may reach: its source, its folder, its libraries."""

import os
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
    """Files that are there, and folders of files that are not, among absolute paths."""
    read: list[Path] = []
    write: list[Path] = []
    for argument in arguments:
        path = Path(argument.removeprefix("file:"))
        if not path.is_absolute():
            continue
        there = path.is_file()
        if path.suffix == ".m3u8" or not there:
            # A playlist goes with the segments beside it.
            (read if there else write).append(path.parent)
        else:
            read.append(path)
    return read, write


@lru_cache(maxsize=16)
def _program_paths(program: str) -> tuple[str, ...]:
    """A program, what it is a link to, and the folders of its libraries."""
    found = {Path(program), Path(program).resolve()}
    paths = [str(path) for one in found for path in (one, one.parent.parent / "lib")]
    paths += [path for path in os.environ.get("LD_LIBRARY_PATH", "").split(":") if path]
    return tuple(paths)
