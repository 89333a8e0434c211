"""Fixtures of the recovery tests: films, and Dailies' processes over real servers."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.infra.database import connect
from tasks.media.tools import Tools, find_tools
from tasks.migrations import indexes
from tests.media.clips import numbered_clip
from tests.recovery.films import RATE, SEGMENT_SECONDS
from tests.recovery.processes import Dailies
from tests.servers import Servers


@pytest.fixture(scope="session")
def tools() -> Tools:
    return find_tools(os.environ.get("FFMPEG"), os.environ.get("FFPROBE"))


@pytest.fixture(scope="session")
def film(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """``film(3)``: a clip of so many segments less five frames, made once."""
    folder = tmp_path_factory.mktemp("films")

    def make(segments: int) -> Path:
        path = folder / f"{segments}.mp4"
        if not path.exists():
            numbered_clip(tools, path, str(RATE), frames_of(segments))
        return path

    return make


def frames_of(segments: int) -> int:
    """Frames of the clip of so many segments: the last one is not full, as in most films."""
    return segments * SEGMENT_SECONDS * RATE - 5


@pytest.fixture
def empty(clean: Servers) -> Servers:
    """Real servers with nothing in them, and this process connected."""
    connect()
    indexes.ensure()
    return clean


@pytest.fixture
def dailies(empty: Servers, tools: Tools, tmp_path: Path) -> Iterator[Callable[..., Dailies]]:
    """``dailies(DAILIES_…="…")``: processes with these settings, ended after the test."""
    started: list[Dailies] = []

    def make(**settings: str) -> Dailies:
        started.append(Dailies(empty, tmp_path, tools.ffmpeg, settings))
        return started[-1]

    yield make
    for each in started:
        # pytest shows it where the test failed.
        sys.stdout.write(each.said())
        each.close()
