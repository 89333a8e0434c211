"""Under `dailies up` each embedded server that is killed comes back by itself, and work goes on."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import m3u8
import psutil
import pytest
import requests

from tasks.media.tools import Tools
from tests.recovery.conftest import frames_of
from tests.recovery.films import RENDITION, check_frames
from tests.recovery.paced import paced
from tests.recovery.waiting import answers, until
from tests.up.running import RunningUp, all_gone, command_line

TOKEN = "the token of the recovery tests"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def up(tools: Tools, tmp_path: Path) -> Iterator[RunningUp]:
    script = paced(tools.ffmpeg, tmp_path / "ffmpeg", 3)
    running = RunningUp(
        tmp_path,
        procfile=None,
        DAILIES_API_TOKEN=TOKEN,
        DAILIES_CHUNK_SECONDS="6",
        DAILIES_X264_PRESET="ultrafast",
        FFMPEG=str(script),
    )
    family: list[psutil.Process] = []
    try:
        running.wait_for("Stop      Ctrl-C")
        yield running
        family = running.children()
    finally:
        running.stop()
    assert all_gone(family) == []


def test_each_server_comes_back_and_the_job_completes(
    up: RunningUp, film: Callable[[int], Path], tools: Tools, tmp_path: Path
) -> None:
    site = f"http://127.0.0.1:{up.port}"
    with film(2).open("rb") as clip:
        reply = requests.post(
            f"{site}/api/upload/video", files={"video": clip}, headers=HEADERS, timeout=60
        )
    assert reply.status_code == 201, reply.text
    video = reply.json()["video"]
    reply = requests.post(
        f"{site}/api/upload/convert-to-hls/{video['id']}",
        json={"s3Key": video["s3Key"]},
        headers=HEADERS,
        timeout=60,
    )
    assert reply.status_code == 202, reply.text

    def status() -> dict[str, Any]:
        url = f"{site}/api/upload/status/{video['id']}"
        answer: dict[str, Any] = requests.get(url, headers=HEADERS, timeout=60).json()
        return answer

    # Held in the middle, so that all three are away while it is being encoded.
    encoder = until(lambda: _encoder(up), "an encoder")
    encoder.suspend()
    for name, words in (("mongo", ["mongod"]), ("redis", ["redis-server"]), ("s3", ["rclone"])):
        killed = up.child(*words)
        killed.kill()
        up.wait_for(f"{name} ended (killed by SIGKILL); starting it again")
        # Every server answers, the killed one too.
        until(lambda: answers(f"{site}/readyz"), f"{name} to be back")
        assert up.child(*words).pid != killed.pid
        assert status()["status"] == "processing"
    encoder.resume()

    until(lambda: status()["status"] != "processing", "the end of the job", 120)
    assert status()["status"] == "completed", status()
    urls = status()["streamingUrls"]["qualities"]
    playlist = _download(urljoin(site, urls[RENDITION]), tmp_path / "stream")
    check_frames(tools, playlist, frames_of(2))


def _encoder(up: RunningUp) -> psutil.Process | None:
    running = (child for child in up.children() if "chunk" in " ".join(command_line(child)))
    return next(running, None)


def _download(url: str, folder: Path) -> Path:
    """A stream as a player fetches it."""
    folder.mkdir()
    text = requests.get(url, timeout=60).text
    playlist = m3u8.loads(text, uri=url)
    names = [playlist.segment_map[0].uri, *(segment.uri for segment in playlist.segments)]
    assert len(names) == len(set(names))
    for name in names:
        reply = requests.get(urljoin(url, name), timeout=60)
        assert reply.ok, name
        (folder / name).write_bytes(reply.content)
    (folder / "playlist.m3u8").write_text(text)
    return folder / "playlist.m3u8"
