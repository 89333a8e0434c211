"""Where an embedded server's executable is: on PATH, else inside an installed wheel."""

import importlib.metadata
import os
import shutil
from pathlib import Path


class MissingServer(Exception):
    """No executable for a server that should be started; the message says what to do."""


def from_wheel(distribution: str, executable: str) -> Path | None:
    """The file called ``executable`` that the wheel ``distribution`` installed, if it is there."""
    try:
        files = importlib.metadata.distribution(distribution).files or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        path = Path(str(file.locate()))
        if file.name == executable and path.is_file() and os.access(path, os.X_OK):
            return path.resolve()
    return None


def find(names: tuple[str, ...], distribution: str, executable: str) -> Path | None:
    """The first of ``names`` on PATH, else ``executable`` of the wheel, else None."""
    for name in names:
        found = shutil.which(name)
        if found:
            return Path(found).resolve()
    return from_wheel(distribution, executable)
