"""The element on a page of another origin, as people who embed it have it, and the partial here."""

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tasks.media.tools import find_tools
from tasks.models import Media, TranscodeJob
from tests.e2e.conftest import PATIENCE, Site, Tab
from tests.media.clips import numbered_clip
from tests.recovery.paced import FAST
from tests.webapp.pages import rows
from webapp.auth import api_tokens

OpenTab = Callable[..., Tab]

PAGE = """<!doctype html><html lang="en"><title>Elsewhere</title><script>
  window.told = [];
  for (const name of ["update", "complete", "error"]) {{
    document.addEventListener(name, (event) => window.told.push([name, event.detail]));
  }}
</script><script defer src="{dailies}/static/media-status.js"></script>
<media-status media-id="{media_id}" poll-interval="500" file-name="Mine"></media-status>
<script>document.querySelector("media-status").token = "{token}";</script>
"""


class Elsewhere:
    """A web server of somebody else, on an origin of its own, with one page."""

    def __init__(self) -> None:
        elsewhere = self
        self.page = ""

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = elsewhere.page.encode() if self.path == "/" else b""
                self.send_response(200)
                # Nothing inline but the listeners above: no style attribute, no eval.
                self.send_header("Content-Security-Policy", "style-src 'none'")
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def elsewhere() -> Iterator[Callable[[], Elsewhere]]:
    """``elsewhere()``: a server on another origin."""
    servers: list[Elsewhere] = []

    def make() -> Elsewhere:
        servers.append(Elsewhere())
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A browser in which nobody is signed in."""
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    context.close()


def let_in(site: Site, origin: str) -> None:
    site.stop()
    site.dailies.environment["DAILIES_CORS_ORIGINS"] = origin
    site.start()


def told(page: Page) -> list[tuple[str, dict[str, object]]]:
    return [(name, detail) for name, detail in page.evaluate("window.told")]


def wait_for(page: Page, name: str) -> dict[str, object]:
    page.wait_for_function("(name) => window.told.some(([said]) => said === name)", arg=name)
    (found,) = [detail for said, detail in told(page) if said == name]
    return found


def test_a_page_of_a_listed_origin_sees_a_video_become_ready(
    site: Site, tab: OpenTab, page: Page, elsewhere: Callable[[], Elsewhere], tmp_path: Path
) -> None:
    server = elsewhere()
    let_in(site, server.origin)
    clip = numbered_clip(find_tools(None, None), tmp_path / "clip.mp4", frames=24, rate="12")
    editor = {"Authorization": f"Bearer {api_tokens.issue('editor', 'editor')}"}
    with clip.open("rb") as file:
        answer = requests.post(
            f"{site.url}/api/upload/video", files={"video": file}, headers=editor, timeout=60
        )
    video = answer.json()["video"]
    token = api_tokens.issue("page", "viewer")
    server.page = PAGE.format(dailies=site.url, media_id=video["id"], token=token)

    sockets: list[str] = []
    heard: list[str] = []

    def listen(socket: object) -> None:
        sockets.append(socket.url)  # type: ignore[attr-defined]
        socket.on("framereceived", lambda frame: heard.append(str(frame)))  # type: ignore[attr-defined]

    page.on("websocket", listen)
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    with page.expect_websocket():
        page.goto(server.origin)
    expect(page.get_by_text("Uploaded")).to_be_visible()
    bar = page.get_by_role("progressbar", name="Progress of clip.mp4")
    expect(bar).to_have_attribute("value", "0")

    for _ in range(PATIENCE // 50):
        if any('"hello"' in frame for frame in heard):
            break
        page.wait_for_timeout(50)

    requests.post(
        f"{site.url}/api/upload/convert-to-hls/{video['id']}",
        json={"s3Key": video["s3Key"]},
        headers=editor,
        timeout=60,
    ).raise_for_status()
    expect(page.get_by_text("In line")).to_be_visible()
    site.dailies.worker(pace=FAST, threads=2)
    ready = wait_for(page, "complete")
    assert (ready["status"], ready["progress"]) == ("READY", 100)
    expect(page.get_by_text("Ready")).to_be_visible()
    expect(bar).to_have_attribute("value", "100")
    assert "error" not in [name for name, _ in told(page)]
    assert {"PROCESSING"} <= {detail["status"] for _, detail in told(page)}
    page.wait_for_function(
        "document.querySelector('media-status').shadowRoot.querySelector('img').naturalWidth > 0"
    )
    playlist = requests.get(str(ready["manifestUrl"]), timeout=20)
    assert playlist.text.startswith("#EXTM3U")
    assert playlist.headers["Access-Control-Allow-Origin"] == "*"
    # It listened, and showed no secret in an address.
    assert any('"hello"' in frame for frame in heard)
    assert all(token not in url and "ticket" not in url for url in sockets)
    assert complaints == []

    viewer = tab("viewer")
    demo = viewer.open(f"/embed-demo?mediaId={video['id']}")
    expect(demo.locator("section.media-status[data-status=READY]")).to_contain_text("clip.mp4")
    expect(demo.locator("media-status").get_by_text("Ready")).to_be_visible()
    expect(demo.locator("#demo-events")).to_contain_text("complete · READY · 100 %")


def test_other_origins_are_refused_and_without_a_socket_it_asks(
    site: Site, page: Page, elsewhere: Callable[[], Elsewhere]
) -> None:
    listed, other = elsewhere(), elsewhere()
    let_in(site, listed.origin)
    media = rows.media(filename="Tides.mp4")
    job = rows.job("active", of=media, progress=40.0)
    token = api_tokens.issue("page", "viewer")
    for server in (listed, other):
        server.page = PAGE.format(dailies=site.url, media_id=media.media_id, token=token)

    page.goto(other.origin)
    expect(page.get_by_text("Dailies cannot be reached.")).to_be_visible()
    expect(page.get_by_text("Mine")).to_be_visible()
    assert page.evaluate("document.querySelector('media-status').status") is None
    assert told(page) == []

    page.route_web_socket("**/ws/events**", lambda socket: socket.close(code=1011))
    page.goto(listed.origin)
    expect(page.get_by_text("Tides.mp4")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "40")
    TranscodeJob.objects(job_id=job.job_id).update(set__progress=61.5)
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "61")
    TranscodeJob.objects(job_id=job.job_id).update(
        set__status="failed", set__error_message="The source has no picture."
    )
    failed = wait_for(page, "error")
    assert (failed["status"], failed["error"]) == ("FAILED", "The source has no picture.")
    expect(page.get_by_text("The source has no picture.")).to_be_visible()

    # It rests. Asked by hand, it sees that a retry has begun, and stays with it to the end.
    TranscodeJob.objects(job_id=job.job_id).update(set__status="active")
    again = page.evaluate("document.querySelector('media-status').refresh()")
    assert again["status"] == "PROCESSING"
    Media.objects(media_id=media.media_id).update(set__master_key="hls/x/master.m3u8")
    TranscodeJob.objects(job_id=job.job_id).update(set__status="completed")
    assert wait_for(page, "complete")["status"] == "READY"

    page.evaluate("window.told = []")
    page.evaluate("document.querySelector('media-status').token = 'wrong'")
    refused = wait_for(page, "error")
    assert refused["status"] is None
    assert "unknown, expired or revoked" in str(refused["error"])

    # Disabled, it neither asks nor listens; enabled, it begins anew.
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        "token => Object.assign(document.querySelector('media-status'), {disabled: true, token})",
        token,
    )
    assert page.evaluate("document.querySelector('media-status').getAttribute('disabled')") == ""
    assert asked == []
    page.evaluate("window.told = []; document.querySelector('media-status').disabled = false")
    assert wait_for(page, "complete")["status"] == "READY"
    assert asked
