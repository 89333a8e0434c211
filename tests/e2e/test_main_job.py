"""The main job as a person does it: put a video in, watch it become a stream, play it."""

from collections.abc import Callable

from playwright.sync_api import FilePayload, expect

from tasks.models import Media
from tests.e2e.conftest import PATIENCE, Site, Tab
from webapp.demo import CLIP

OpenTab = Callable[..., Tab]


def a_file(name: str, data: bytes) -> FilePayload:
    """A file as a person chooses it."""
    return {"name": name, "mimeType": "video/mp4", "buffer": data}


def test_upload_watch_and_play(site: Site, tab: OpenTab) -> None:
    # At this pace there is something to watch, and processor left for the browser.
    site.dailies.worker(pace=2, threads=2)
    site.dailies.start("reconciler")
    editor = tab("editor")
    page = editor.open("/upload")

    page.check("input[value=film]")
    page.fill("#film-name", "Big Buck Bunny")
    page.set_input_files("#files", str(CLIP))
    page.wait_for_selector(".upload[data-state=done]")
    page.click("text=Watch its job")
    page.wait_for_selector("#job-head")
    editor.live()
    editor.mark()

    # Every value of the bar that the page shows, noted by the browser itself.
    page.evaluate(
        """() => {
          window.seen = [];
          const look = () => {
            const value = document.querySelector('.phases').getAttribute('aria-valuenow');
            if (window.seen.at(-1) !== value) window.seen.push(value);
          };
          look();
          new MutationObserver(look).observe(document.getElementById('main'),
            {subtree: true, attributes: true, childList: true});
        }"""
    )
    page.wait_for_selector("#job-head[data-status=completed]", timeout=60_000)
    seen = [float(value) for value in page.evaluate("window.seen")]
    assert len(seen) >= 4, seen
    assert seen == sorted(seen)
    assert seen[-1] == 100
    expect(page.locator("#job-details")).to_contain_text("1 of 1")
    expect(page.locator("#job-details .renditions")).to_contain_text("720p")
    expect(page.locator("#job-details .history")).to_contain_text("Completed")

    # The player came by itself, with the last update.
    editor.eventually("document.querySelector('video')?.readyState >= 2")
    assert editor.marked
    page.click("media-play-button")
    editor.eventually("document.querySelector('video').currentTime > 1")

    page.click("media-rendition-menu-button")
    items = page.locator("media-rendition-menu media-chrome-menu-item")
    editor.eventually("document.querySelector('video').videoRenditions.length === 3")
    expect(items).to_have_count(4)
    words = [text.strip() for text in items.all_inner_texts()]
    assert [word.split()[0] for word in words] == ["720p", "480p", "360p", "Auto"]
    items.filter(has_text="360p").first.click()
    page.evaluate("document.querySelector('video').currentTime = 0")
    editor.eventually("document.querySelector('video').videoHeight === 360")

    thumbnails = page.evaluate(
        """() => [...document.querySelector('video').textTracks]
             .filter((track) => track.label === 'thumbnails')
             .flatMap((track) => [...track.cues].map((cue) => cue.text))"""
    )
    assert thumbnails
    assert all("#xywh=" in text for text in thumbnails)
    assert editor.marked

    page = editor.open("/library")
    media = Media.objects.get()
    film = page.locator(f"#film-{media.media_id}")
    expect(film).to_contain_text("Big Buck Bunny")
    expect(film).to_contain_text("HD")
    editor.eventually("document.querySelector('.film img').naturalWidth > 100")
    film.click()
    editor.eventually("document.querySelector('video')?.readyState >= 2")


def test_a_file_that_is_no_video_fails_with_its_reason(site: Site, tab: OpenTab) -> None:
    site.dailies.worker(pace=2)
    page = tab("editor").open("/upload")
    page.set_input_files("#files", a_file("<b>notes<b>.mp4", b"not a film\n" * 99))
    page.click("text=Watch its job")
    head = page.locator("#job-head[data-status=failed]")
    expect(head).to_be_visible(timeout=PATIENCE)
    expect(head).to_contain_text("The source cannot be used")
    expect(page.locator("h1")).to_have_text("<b>notes<b>.mp4")


def test_uploads_are_refused_cancelled_and_tried_again(site: Site, tab: OpenTab) -> None:
    editor = tab("editor")
    page = editor.open("/upload")
    page.set_input_files("#files", a_file("empty.mp4", b""))
    refused = page.locator(".upload[data-state=refused]")
    expect(refused).to_contain_text("empty")
    assert [c for c in editor.complaints if "400" not in c] == []
    editor.complaints.clear()

    # Two are held on their way, so the third waits for its turn, until one is cancelled.
    page.route("**/api/upload/video", lambda _route: None)
    clip = CLIP.read_bytes()
    page.set_input_files("#files", [a_file(f"{n}.mp4", clip) for n in range(3)])
    expect(page.locator(".upload[data-state=sending]")).to_have_count(2)
    expect(page.locator(".upload[data-state=queued]")).to_contain_text("Waiting its turn")
    first = page.locator(".upload", has_text="0.mp4")
    with page.expect_request("**/api/upload/video"):
        first.locator("[data-cancel]").click()
    expect(first).to_contain_text("Cancelled.")
    expect(page.locator(".upload[data-state=queued]")).to_have_count(0)

    page.unroute("**/api/upload/video")
    first.locator("[data-retry]").click()
    expect(page.locator(".upload[data-state=done]")).to_have_count(3)
    expect(first.locator("text=Watch its job")).to_be_visible()
    assert sorted(media.filename for media in Media.objects) == ["0.mp4", "1.mp4", "2.mp4"]
