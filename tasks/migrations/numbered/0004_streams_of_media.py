"""Streams that were published before each had a folder of its own get a row."""

from collections.abc import Iterator
from typing import Any

from tasks import streams
from tasks.models import Media

BATCH = 500


def remaining() -> int:
    return int(_lacking().count())


def run() -> Iterator[int]:
    while found := list(_lacking().limit(BATCH)):
        for media in found:
            streams.adopt(media)
        yield len(found)


def _lacking() -> Any:
    return Media.objects(master_key__gt="", live_stream=None)
