"""How soon a film can be watched: from convert to the first picture in a browser, and on.

Chromium with hls.js plays what the API says is playable, from the moment it says so.
"""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from bench.client import Client
from bench.clip import make_clip
from bench.options import CannotMeasure, Options
from bench.report import Result
from bench.stack import Stack, running_stack
from bench.timeline import timeline
from tasks.media.tools import Tools, find_tools
from tests.e2e.conftest import ARGUMENTS, CHROMIUM

#: The most seconds from convert to the first picture.
MOST = 10.0
MINUTES, QUICK_MINUTES = (6, 120), (1,)
POLL_SECONDS = 0.1
GIVE_UP_SECONDS = 120
#: Seconds for which the film is watched after its first picture.
WATCHED_SECONDS = 30

# Plays an address, and notes when it plays and when it has to wait for more.
_PLAY = """
async (src) => {
  const video = document.createElement("video");
  video.muted = true;
  document.body.append(video);
  window.seen = { playing: null, waits: [], errors: [] };
  video.addEventListener("playing", () => { window.seen.playing ??= performance.now(); });
  video.addEventListener("waiting", () => {
    if (window.seen.playing !== null) window.seen.waits.push(video.currentTime);
  });
  const hls = new Hls({ enableWorker: false, startPosition: 0 });
  hls.on(Hls.Events.ERROR, (_name, data) => window.seen.errors.push(data.details));
  hls.loadSource(src);
  hls.attachMedia(video);
  window.video = video;
  await video.play();
}
"""


@dataclass(frozen=True)
class Seen:
    """What the browser saw: ``seconds`` from convert to the first picture; ``waits`` are the places
    in the film, in seconds, where it had to wait."""

    seconds: float
    waits: list[float]


def measure(options: Options) -> list[Result]:
    """Seconds until the first picture, for films of several lengths. Raises CannotMeasure."""
    tools = find_tools(options.settings.get("FFMPEG"), options.settings.get("FFPROBE"))
    clip = options.folder / "minute.mp4"
    if options.clip is None:
        make_clip(clip, 60, tools, bitrate="8M")
    results = []
    with (
        running_stack(options.folder / "first_frame", options.settings) as stack,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for minutes in QUICK_MINUTES if options.quick else MINUTES:
            film = options.clip or options.folder / f"{minutes}.mp4"
            if options.clip is None:
                _repeat(clip, film, minutes, tools)
            seen = _watch(stack, browser, film)
            name = f"{minutes} min" if minutes < 60 else f"{minutes // 60} h"
            print(f"{name}: {seen}, load {os.getloadavg()[0]:.1f}", flush=True)
            results.append(Result(f"first frame, {name} 1080p", seen.seconds, "s", MOST))
        browser.close()
    return results


def _repeat(clip: Path, film: Path, minutes: int, tools: Tools) -> None:
    """A film of many minutes out of one, without encoding."""
    command = [
        *(tools.ffmpeg, "-nostdin", "-loglevel", "error", "-y"),
        *("-stream_loop", str(minutes - 1), "-i", str(clip), "-c", "copy", str(film)),
    ]
    if subprocess.run(command, check=False).returncode != 0:
        raise CannotMeasure("the film could not be made")


def _watch(stack: Stack, browser: Browser, film: Path) -> Seen:
    client = Client(stack.url, stack.token)
    video = client.upload_file(film)
    page = browser.new_page()
    page.goto(f"{stack.url}/sign-in")
    page.add_script_tag(url="/static/vendor/hls.min.js")
    started = time.monotonic()
    client.convert(video["id"], video["s3Key"])
    playable = _playable(client, video["id"], started)
    page.evaluate(_PLAY, playable["url"])
    page.wait_for_function("window.seen.playing !== null", timeout=GIVE_UP_SECONDS * 1000)
    seconds = time.monotonic() - started
    page.wait_for_timeout(WATCHED_SECONDS * 1000)
    waits = page.evaluate("window.seen.waits")
    page.close()
    _cancel(client, video["id"])
    print(timeline(stack, video["id"]), flush=True)
    client.close()
    return Seen(round(seconds, 2), [round(wait, 1) for wait in waits])


def _playable(client: Client, video_id: str, started: float) -> dict[str, Any]:
    while True:
        state = client.get(f"/api/upload/status/{video_id}")
        if found := state.get("playable"):
            print(f"playable after {time.monotonic() - started:.2f} s", flush=True)
            return dict(found)
        if state["status"] == "failed" or time.monotonic() - started > GIVE_UP_SECONDS:
            raise CannotMeasure(f"nothing to play: {state}")
        time.sleep(POLL_SECONDS)


def _cancel(client: Client, video_id: str) -> None:
    """The rest of a long film is not waited for."""
    jobs = client.get(f"/v1/studio/transcoding-jobs?mediaId={video_id}")["jobs"]
    for job in jobs:
        if job["status"] in ("waiting", "active"):
            client.post(f"/v1/studio/transcoding-jobs/{job['jobId']}/cancel")
