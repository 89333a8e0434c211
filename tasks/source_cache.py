"""Sources on a worker's own disk: each is fetched once a machine, and used by all its chunks."""

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from tasks.errors import BadInput, OutOfDisk, Stopped
from tasks.models import Media
from tasks.settings import get_settings
from tasks.storage import get_storage

#: Seconds between two looks at whether somebody else has fetched the source.
LOOK_SECONDS = 0.5
#: Bytes that stay free on the disk, whatever a source takes.
SPARE_BYTES = 512 * 1024**2
#: Seconds after which a source that nobody used may go.
UNUSED_SECONDS = 1800.0


@contextmanager
def source_file(media: Media, stop: threading.Event) -> Iterator[Path]:
    """The source as a local file, fetched where it is not there yet.

    Its name says nothing of its kind: that is found out by reading it. Raises BadInput where the
    source is gone, OutOfDisk, StorageFailed, Stopped.
    """
    folder = get_settings().scratch / "sources" / media.media_id
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "source"
    lock = FileLock(folder / "lock")
    while True:
        if stop.is_set():
            raise Stopped("Stopped before the source was there.")
        try:
            with lock.acquire(timeout=LOOK_SECONDS):
                if not (path.exists() and path.stat().st_size == media.size):
                    _fetch(media, path, stop)
                os.utime(folder)
            break
        except Timeout:
            continue
    yield path


def _fetch(media: Media, path: Path, stop: threading.Event) -> None:
    make_room(media.size, keep=path.parent)
    try:
        get_storage().get_file(media.source_key, path, stop)
    except KeyError:
        raise BadInput("The source file is not in the bucket any more.") from None


def make_room(size: int, keep: Path) -> None:
    """Removes sources unused for long until ``size`` bytes fit. Raises OutOfDisk."""
    sources = keep.parent
    drop_unused(sources, keep)
    free = shutil.disk_usage(sources).free
    used = sum(_size(folder) for folder in sources.iterdir())
    if free - SPARE_BYTES < size or used + size > get_settings().scratch_bytes:
        raise OutOfDisk(
            f"The source needs {size / 1e9:.1f} GB of scratch disk; "
            f"{free / 1e9:.1f} GB are free and {used / 1e9:.1f} GB in use."
        )


def drop_unused(sources: Path, keep: Path | None = None) -> None:
    """Removes the sources that no work used for half an hour."""
    for folder in sources.iterdir() if sources.exists() else ():
        if folder != keep and time.time() - folder.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def forget(media_id: str) -> None:
    """Removes a source that is not needed here any more."""
    shutil.rmtree(get_settings().scratch / "sources" / media_id, ignore_errors=True)


def _size(folder: Path) -> int:
    path = folder / "source"
    return path.stat().st_size if path.exists() else 0
