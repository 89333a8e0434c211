"""Scratch files stay while a process uses them, and go when it was killed."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.infra.folders import in_use, remove_unused
from tasks.infra.source_cache import UNUSED_SECONDS, _name, drop_unused, forget, source_file
from tasks.infra.storage import get_storage
from tasks.models import Media, Step
from tasks.settings import get_settings
from tests.servers import Servers

NOBODY = threading.Event()
USES = """
import sys
from pathlib import Path
from tasks.infra.folders import in_use
with in_use(Path(sys.argv[1])):
    print("uses it", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("DAILIES_DATA", str(tmp_path))
    get_settings.cache_clear()
    yield tmp_path / "scratch"
    get_settings.cache_clear()


def grown_old(folder: Path) -> None:
    long_ago = folder.stat().st_mtime - UNUSED_SECONDS - 1
    os.utime(folder, (long_ago, long_ago))


def test_a_folder_goes_when_the_process_that_used_it_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    process = subprocess.Popen(
        [sys.executable, "-c", USES, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"uses it\n"
        assert not remove_unused(folder)
        assert folder.exists()
        process.kill()
    assert remove_unused(folder)
    assert not folder.exists()


def test_who_waited_for_a_folder_that_was_removed_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    entered = in_use(folder)

    def wanted(_folder: Path) -> bool:
        waiting.start()
        return True

    told: list[bool] = []
    waiting = threading.Thread(target=lambda: told.append(entered.__enter__()))
    assert remove_unused(folder, wanted)
    waiting.join(60)
    entered.__exit__(None, None, None)
    # Whether it came before or after: it is true that the folder is there.
    assert told == [folder.exists()]


def test_what_a_killed_worker_left_is_removed_and_nothing_else(
    servers: Servers, scratch: Path
) -> None:
    from tasks.actors.scratch import drop_left_behind, scratch_folder  # a broker needs its URL

    left = scratch / "work" / "job.chunk.00000-abc"
    left.mkdir(parents=True)
    (left / "seg.m4s").write_bytes(b"x")
    with scratch_folder(Step(job_id="job.chunk.00001")) as mine:
        (mine / "seg.m4s").write_bytes(b"x")
        drop_left_behind()
        assert list((scratch / "work").iterdir()) == [mine]
        assert (mine / "seg.m4s").exists()
    assert list((scratch / "work").iterdir()) == []


def test_a_source_is_not_removed_while_something_works_on_it(
    database: Servers, scratch: Path
) -> None:
    media = Media(media_id="m", source_key="sources/m/film", size=4)
    get_storage().put_bytes(media.source_key, b"film")
    with source_file(media, NOBODY) as path:
        grown_old(path.parent)
        drop_unused(scratch / "sources")
        forget("m")
        assert path.read_bytes() == b"film"
    drop_unused(scratch / "sources")
    assert path.exists(), "it was used a moment ago"
    grown_old(path.parent)
    drop_unused(scratch / "sources")
    assert not path.parent.exists()


def test_what_was_fetched_of_a_source_before_a_kill_makes_room(
    database: Servers, scratch: Path
) -> None:
    media = Media(media_id="m", source_key="sources/m/film", size=4)
    get_storage().put_bytes(media.source_key, b"film")
    folder = scratch / "sources" / "m"
    folder.mkdir(parents=True)
    (folder / f"{_name(media.source_key)}.partial.1a2b3C4d").write_bytes(b"fi")
    with source_file(media, NOBODY) as path:
        assert sorted(p.name for p in folder.iterdir() if p.name != "lock") == [path.name]
