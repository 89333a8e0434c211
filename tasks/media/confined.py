"""Runs a program behind walls: ``python -I -S confined.py WORD… -- PROGRAM ARGUMENT…``.

A script of its own, with nothing but Python's ctypes: it narrows itself and becomes the program.
Each WORD is a letter and a value: ``r``, ``w`` and ``x`` are paths to read, write and execute,
``n`` a TCP port that may be connected to, ``d`` the most bytes of private memory, ``p`` the process
that this one dies with. A wall that the kernel does not have is left out: ``missing_walls`` names
it. It starts for every command, so it imports little: json and enum would double its 25 ms.
"""

import ctypes
import os
import resource
import struct
import sys

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 1, 4, 38, 22

LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_READ = _READ_FILE | _READ_DIR
#: Rights on files by the version of Landlock that brought them: all up to refer, truncate, ioctl.
_ALL_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
#: Rights that make sense for a file that is no folder.
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | 1 << 14 | 1 << 15
_CONNECT_TCP, _BIND_TCP = 2, 1
#: No signals and no abstract sockets to processes outside, from version 6 on.
_SCOPES = 3

#: Numbers of system calls by machine. What reaches other processes, the network or the kernel.
_SYSCALLS = {
    "x86_64": {
        "arch": 0xC000003E,
        "socket": 41,
        "denied": [101, 310, 311, 321, 323, 250, 248, 249, 298, 165, 272, 308, 304, 175, 313, 246],
    },
    "aarch64": {
        "arch": 0xC00000B7,
        "socket": 198,
        "denied": [117, 270, 271, 280, 282, 219, 217, 218, 241, 40, 97, 268, 265, 105, 273, 104],
    },
}
#: The same on every machine: io_uring, pidfds, the newer mount calls.
_DENIED_EVERYWHERE = [425, 426, 427, 428, 429, 430, 431, 432, 433, 434, 438, 442]
_SIGKILL = 9
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_EACCES = 13

libc = ctypes.CDLL(None, use_errno=True)


def landlock_version() -> int:
    """The kernel's version of Landlock; 0 where it has none, or may not be asked."""
    found: int = libc.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    return max(0, found)


def has_seccomp() -> bool:
    """Whether system calls can be filtered here."""
    return os.uname().machine in _SYSCALLS and os.path.exists("/proc/sys/kernel/seccomp")  # noqa: PTH110


def missing_walls() -> list[str]:
    """What this machine cannot keep a program from, each as a few words."""
    missing = []
    if landlock_version() < 1:
        missing.append("files of others (Landlock: Linux 5.13 or newer, not forbidden)")
    if not has_seccomp():
        missing.append("the network and other processes (seccomp)")
    return missing


def hide_memory() -> None:
    """Keeps this process's memory and environment from others of the same user, programs that it
    starts among them. Raises OSError."""
    _prctl(PR_SET_DUMPABLE, 0)


def confine(words: list[str]) -> None:
    """Narrows this process for good. Raises OSError."""
    said: dict[str, list[str]] = {letter: [] for letter in "rwxndp"}
    for word in words:
        said[word[0]].append(word[1:])
    _prctl(PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != int(said["p"][0]):
        sys.exit(1)  # it died in between
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    version = landlock_version()
    if version:
        _limit_files(said, version)
    if has_seccomp():
        # A port alone cannot be told apart by the filter: without Landlock for TCP it stays shut.
        _limit_calls(tcp=bool(said["n"]) and version >= 4)
    for size in said["d"]:
        # RLIMIT_DATA, not RLIMIT_AS: threads reserve far more address space than they ever use.
        resource.setrlimit(resource.RLIMIT_DATA, (int(size), int(size)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _prctl(option: int, value: int) -> None:
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _limit_files(said: dict[str, list[str]], version: int) -> None:
    rights = max(mask for since, mask in _ALL_BY_VERSION.items() if since <= version)
    attribute = struct.pack("Q", rights)
    if version >= 4:
        attribute += struct.pack("Q", _CONNECT_TCP | _BIND_TCP)
    if version >= 6:
        attribute += struct.pack("Q", _SCOPES)
    rules = libc.syscall(LANDLOCK_CREATE, attribute, ctypes.c_size_t(len(attribute)), 0)
    if rules < 0:
        raise OSError(ctypes.get_errno(), "landlock")
    for letter, allowed in (("r", _READ), ("x", _READ | _EXECUTE), ("w", rights & ~_EXECUTE)):
        for path in said[letter]:
            _allow_path(rules, path, allowed)
    if version >= 4:
        for port in said["n"]:
            libc.syscall(LANDLOCK_ADD, rules, 2, struct.pack("QQ", _CONNECT_TCP, int(port)), 0)
    if libc.syscall(LANDLOCK_RESTRICT, rules, 0):
        raise OSError(ctypes.get_errno(), "landlock")
    os.close(rules)


def _allow_path(rules: int, path: str, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # it is not there, so nobody needs it
    if not os.path.isdir(path):  # noqa: PTH112 (starts without pathlib)
        rights &= _OF_FILES
    if libc.syscall(LANDLOCK_ADD, rules, 1, struct.pack("=Qi", rights, opened), 0):
        raise OSError(ctypes.get_errno(), f"landlock {path}")
    os.close(opened)


def _limit_calls(*, tcp: bool) -> None:
    machine = _SYSCALLS[os.uname().machine]
    denied = [*machine["denied"], *_DENIED_EVERYWHERE]  # type: ignore[misc]
    load, equal, above, back = 0x20, 0x15, 0x35, 0x06
    # Of another machine's numbers nothing can be said: x86-64 has a second set above 2^30.
    program = [
        (load, 0, 0, 4),
        (equal, 1, 0, machine["arch"]),
        (back, 0, 0, _KILL),
        (load, 0, 0, 0),
        (above, 0, 1, 0x40000000),
        (back, 0, 0, _ERRNO | _EACCES),
    ]
    for number in denied:
        program += [(equal, 0, 1, number), (back, 0, 0, _ERRNO | _EACCES)]
    socket = [(back, 0, 0, _ERRNO | _EACCES)]
    if tcp:
        # Family 2 (AF_INET) and type 1 (SOCK_STREAM, below its flags) only.
        socket = [
            (load, 0, 0, 16),
            (equal, 1, 0, 2),
            (back, 0, 0, _ERRNO | _EACCES),
            (load, 0, 0, 24),
            (0x54, 0, 0, 0xF),
            (equal, 1, 0, 1),
            (back, 0, 0, _ERRNO | _EACCES),
            (back, 0, 0, _ALLOW),
        ]
    program += [(equal, 0, len(socket), machine["socket"]), *socket, (back, 0, 0, _ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    filter_ = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    buffer = ctypes.create_string_buffer(filter_)
    if libc.prctl(PR_SET_SECCOMP, 2, ctypes.c_void_p(ctypes.addressof(buffer)), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


if __name__ == "__main__":
    _at = sys.argv.index("--")
    confine(sys.argv[1:_at])
    os.execv(sys.argv[_at + 1], sys.argv[_at + 1 :])  # noqa: S606
