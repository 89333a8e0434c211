"""Folders of scratch files: whoever tidies up leaves alone what a live process uses.

Who uses a folder holds a shared lock (flock) on the folder itself. The kernel takes it back when
the process ends, however it ends, so that what a killed worker left behind is nobody's.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def in_use(folder: Path) -> Iterator[bool]:
    """Keeps a folder from being removed by `remove_unused`, made where it is not there.

    False where it was removed before that began: then the caller begins again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(opened, fcntl.LOCK_SH)
        yield _is_there(folder, opened)
    finally:
        os.close(opened)


def remove_unused(folder: Path, wanted: Callable[[Path], bool] = lambda _folder: True) -> bool:
    """Removes a folder that no process uses and that is still `wanted` gone; whether it did."""
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not (_is_there(folder, opened) and wanted(folder)):
            return False
        shutil.rmtree(folder, ignore_errors=True)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(opened)


def _is_there(folder: Path, opened: int) -> bool:
    try:
        return os.path.samestat(folder.stat(), os.fstat(opened))
    except FileNotFoundError:
        return False
