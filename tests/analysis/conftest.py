"""A clip to learn from, made once, and empty servers."""

import os
from pathlib import Path

import pytest

from tasks.media.tools import Tools, find_tools
from tests.analysis.clips import training_clip
from tests.tasks.conftest import database
from tests.webapp.conftest import _indexes, app, as_person, as_program, client, editor

__all__ = ["_indexes", "app", "as_person", "as_program", "client", "database", "editor"]


@pytest.fixture(scope="session")
def tools() -> Tools:
    return find_tools(os.environ.get("FFMPEG"), os.environ.get("FFPROBE"))


@pytest.fixture(scope="session")
def clip(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_clip(tools, tmp_path_factory.mktemp("clip") / "How_to_be_amiable.mp4")


@pytest.fixture(scope="session")
def silent_clip(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_clip(tools, tmp_path_factory.mktemp("clip") / "silent.mp4", sound=False)
