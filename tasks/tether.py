"""Processes that end with their parent, however that ends; only Linux can."""

import ctypes
import shutil
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1

# setpriv (util-linux, on every Debian) sets the signal between fork and exec, which Python itself
# can do only by code that is unsafe in a program with threads.
_SETPRIV = ("setpriv", "--pdeathsig", "KILL", "--")


def tethered(argv: Sequence[str]) -> list[str]:
    """``argv`` with the prefix that makes it end with its parent, where the machine has setpriv."""
    program = shutil.which(_SETPRIV[0])
    return [program, *_SETPRIV[1:], *argv] if program else list(argv)


def die_with_parent() -> None:
    """Asks the kernel to kill this process when its parent ends; for what another program forks."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
