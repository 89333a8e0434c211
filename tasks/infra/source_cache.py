"""Sources on a worker's own disk: each is fetched once a machine, and used by all its chunks."""

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from tasks.errors import BadInput, OutOfDisk, Stopped
from tasks.infra.folders import in_use, remove_unused
from tasks.infra.storage import get_storage
from tasks.models import Media
from tasks.settings import get_settings

#: Seconds between two looks at whether somebody else has fetched the source.
LOOK_SECONDS = 0.5
#: Bytes that stay free on the disk, whatever a source takes.
SPARE_BYTES = 512 * 1024**2
#: Seconds after which a source that nobody used may go.
UNUSED_SECONDS = 1800.0


@contextmanager
def source_file(media: Media, stop: threading.Event) -> Iterator[Path]:
    """The source as a local file, fetched where it is not there yet; nobody removes it meanwhile.

    Its name says nothing of its kind: that is found out by reading it. Raises BadInput where the
    source is gone, OutOfDisk, StorageFailed, Stopped.
    """
    folder = _folder(media.media_id)
    path = folder / _name(media.source_key)
    while True:
        with in_use(folder) as there:
            if there and _is_fetched(media, path, stop):
                try:
                    yield path
                finally:
                    os.utime(folder)
                return


def _is_fetched(media: Media, path: Path, stop: threading.Event) -> bool:
    """Fetches the source where it is not there; False where somebody else takes long with it."""
    if stop.is_set():
        raise Stopped("Stopped before the source was there.")
    try:
        with FileLock(path.parent / "lock").acquire(timeout=LOOK_SECONDS):
            if not (path.exists() and path.stat().st_size == media.size):
                _fetch(media, path, stop)
            os.utime(path.parent)
            return True
    except Timeout:
        return False


def _fetch(media: Media, path: Path, stop: threading.Event) -> None:
    # What a worker had of it when it was killed, under a name of its own each time.
    for left in path.parent.glob(f"{path.name}.*"):
        left.unlink(missing_ok=True)
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
    """Removes the sources that no work uses, and none did for half an hour."""
    for folder in sources.iterdir() if sources.exists() else ():
        if folder != keep:
            remove_unused(folder, _is_old)


def _is_old(folder: Path) -> bool:
    return time.time() - folder.stat().st_mtime > UNUSED_SECONDS


def forget(media_id: str) -> None:
    """Removes a source that is not needed here any more, unless something is at work on it."""
    remove_unused(_folder(media_id))


def _folder(media_id: str) -> Path:
    return get_settings().scratch / "sources" / media_id


def _name(source_key: str) -> str:
    """The name of a source's file: another one where the source of a media was replaced."""
    return f"source-{hashlib.sha256(source_key.encode()).hexdigest()[:12]}"


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("source-*"))
