"""A worker process over real servers, and a film with text tracks that it made into a stream."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.infra.database import connect
from tasks.jobs.submit import submit
from tasks.media.tools import Tools, find_tools
from tasks.migrations import indexes
from tasks.models import Media
from tests.servers import Servers
from tests.subtitles.films import SECONDS, attached, film_with_tracks, finished, put_in
from tests.up.running import ROOT, plain_environment
from tests.webapp.conftest import _indexes, app, as_person, as_program, editor
from webapp.cli.up import children

__all__ = ["_indexes", "app", "as_person", "as_program", "editor"]

BROKEN = b"1\nno times here\n\n2\nnor here\n"


@pytest.fixture(scope="session")
def tools() -> Tools:
    return find_tools(os.environ.get("FFMPEG"), os.environ.get("FFPROBE"))


@pytest.fixture(scope="session")
def film(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Matroska file of a little over a minute: German SubRip, Spanish SSA of no stated language,
    and a track without a single cue."""
    return film_with_tracks(tools, tmp_path_factory.mktemp("film") / "tides.mkv", SECONDS)


@pytest.fixture(scope="package")
def worker(
    _servers_of_session: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The log of a worker process that lives as long as these tests, and no longer: it would work
    on what other tests put into the queue."""
    _servers_of_session.start()
    folder = tmp_path_factory.mktemp("worker")
    environment = {
        **plain_environment(),
        **_servers_of_session.environment(),
        "DAILIES_DATA": str(folder / "data"),
        "DAILIES_WORKER_THREADS": "4",
        "DAILIES_RETRY_MIN_SECONDS": "0.2",
        "DAILIES_X264_PRESET": "ultrafast",
        "PYTHONUNBUFFERED": "1",
    }
    log = folder / "worker.log"
    with log.open("ab") as output:
        process = children.spawn(
            [sys.executable, "-m", "webapp", "worker"], env=environment, cwd=ROOT, output=output
        )
    yield log
    children.stop(process)


@pytest.fixture(scope="package")
def made() -> dict[str, Media]:
    return {}


@pytest.fixture
def stream(_servers_of_session: Servers, worker: Path, film: Path, made: dict[str, Media]) -> Media:
    """The film as a stream: its own tracks, one attached file, and one that is broken.

    It is made once, and again where another test emptied the servers; so a test leaves it with the
    subtitles that it found.
    """
    _servers_of_session.start()
    connect()
    if "media" not in made or Media.objects(media_id=made["media"].media_id).first() is None:
        _servers_of_session.clean()
        indexes.ensure()
        media = put_in(film)
        attached(media, "Grüße aus Köln. Schön, daß du wieder da bist, mein Freund!", "cp1252")
        attached(media, BROKEN, filename="broken.srt")
        finished(submit(media, who="a test"))
        made["media"] = media
    found: Media = Media.objects(media_id=made["media"].media_id).get()
    return found
