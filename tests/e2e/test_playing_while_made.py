"""A film is watched while it is made, on the page that was open before there was anything of it."""

import os
from collections.abc import Callable
from pathlib import Path

from tasks.media.tools import find_tools
from tests.e2e.conftest import Site, Tab
from tests.media.clips import numbered_clip
from tests.recovery.films import RATE, job_of
from tests.recovery.waiting import complete, reload
from tests.servers import Servers

OpenTab = Callable[..., Tab]
SECONDS = 24


def test_a_film_is_watched_while_it_is_made(
    site: Site, clean: Servers, tab: OpenTab, tmp_path: Path
) -> None:
    tools = find_tools(os.environ.get("FFMPEG"), os.environ.get("FFPROBE"))
    clip = numbered_clip(tools, tmp_path / "film.mp4", str(RATE), SECONDS * RATE)
    job = job_of(clean, clip)
    editor = tab("editor")
    page = editor.open(f"/jobs/{job.job_id}")
    editor.live()
    editor.mark()
    site.dailies.worker(pace=1.5, threads=3)
    site.dailies.start("reconciler")

    editor.eventually("document.querySelector('video')?.readyState >= 2")
    page.evaluate("""() => {
      const video = document.querySelector('video');
      window.first = video;
      window.begins = video.currentTime;
      video.muted = true;
    }""")
    page.click("media-play-button")
    editor.eventually("document.querySelector('video').currentTime > 1")
    assert not reload(job).finished
    assert page.evaluate("window.begins") < 1
    # The seek bar is as long as the film will be, and says how much of it is ready.
    assert abs(page.evaluate("document.querySelector('video').duration") - SECONDS) < 0.1
    editor.eventually(
        "/Encoding.*, 0:\\d\\d ready/.test(document.querySelector('.player-growth').innerText)"
    )
    ready = page.evaluate(
        "Number(document.querySelector('.player-ready').style.getPropertyValue('--ready'))"
    )
    assert 0 < ready < 1

    complete(job)
    editor.eventually("document.querySelector('.player-growth') === null")
    page.evaluate(f"document.querySelector('video').currentTime = {SECONDS - 2}")
    editor.eventually("document.querySelector('video').ended")
    assert page.evaluate("document.querySelector('video') === window.first")
    assert editor.marked
