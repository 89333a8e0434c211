"""A folder for one attempt at one unit, gone when the attempt is over."""

import re
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tasks import keys
from tasks.errors import Stopped
from tasks.infra.folders import in_use, remove_unused
from tasks.infra.storage import get_storage
from tasks.models import WorkUnit
from tasks.settings import get_settings

#: Files sent at the same time.
PARALLEL = 8


@contextmanager
def scratch_folder(unit: WorkUnit) -> Iterator[Path]:
    """An empty folder below the scratch folder of the settings."""
    parent = _parent()
    parent.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9.-]", "_", unit.job_id)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=parent))
        with in_use(folder) as there:
            if there:
                try:
                    yield folder
                finally:
                    shutil.rmtree(folder, ignore_errors=True)
                return


def drop_left_behind() -> None:
    """Removes the folders of attempts whose worker was killed."""
    for folder in _parent().iterdir() if _parent().exists() else ():
        remove_unused(folder)


def _parent() -> Path:
    return get_settings().scratch / "work"


def put_files(folder: Path, names: Iterable[str], prefix: str, stop: threading.Event) -> None:
    """Puts files below ``folder`` under ``prefix`` in the bucket. Raises StorageFailed, Stopped."""
    storage = get_storage()

    def put(name: str) -> None:
        if stop.is_set():
            raise Stopped("Stopped while writing to storage.")
        storage.put_file(prefix + name, folder / name, keys.content_type(name), stop)

    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(put, names))
