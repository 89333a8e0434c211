"""Fixtures of the media tests: the real ffmpeg and ffprobe."""

import os

import pytest

from tasks.media.tools import Tools, find_tools


@pytest.fixture(scope="session")
def tools() -> Tools:
    return find_tools(os.environ.get("FFMPEG"), os.environ.get("FFPROBE"))
