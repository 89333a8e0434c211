"""The overview in a browser: charts that draw themselves, buttons, and numbers that stay true."""

from collections.abc import Callable

from playwright.sync_api import expect

from tasks.control import pausing
from tasks.queue import broker
from tests.e2e.conftest import Site, Tab
from tests.webapp.pages import rows

OpenTab = Callable[..., Tab]

#: Pixels that the charts have drawn on.
INK = """() => [...document.querySelectorAll('#charts canvas')].map((canvas) => {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let ink = 0;
  for (let i = 3; i < data.length; i += 4) if (data[i]) ink += 1;
  return ink;
})"""


def test_charts_are_drawn_and_buttons_hold(site: Site, tab: OpenTab) -> None:
    for age in (60, 7200, 90_000):
        rows.job("completed", age=age + 192)
    rows.job("failed", age=600, failed_reason="encoder")
    editor, viewer = tab("editor"), tab("viewer")
    page, other = editor.open("/overview"), viewer.open("/overview")
    expect(page.locator("#charts canvas")).to_have_count(5)
    editor.eventually(f"({INK})().every((ink) => ink > 500)")
    expect(page.locator("[data-chart=finished] .u-legend")).to_contain_text("Completed")
    assert "Completed" in (
        page.locator("[data-chart=rates] [role=img]").get_attribute("aria-label") or ""
    )
    # A queue is paused here, and the other browser sees it without a load.
    viewer.mark()
    editor.mark()
    page.get_by_role("button", name=f"Pause {broker.CHUNKS}", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("Paused transcode")
    expect(page.locator(f"#queue-{broker.CHUNKS}")).to_contain_text("Paused by editor@example.com")
    expect(other.locator(f"#queue-{broker.CHUNKS}")).to_contain_text("Paused")
    expect(other.get_by_role("button", name="Resume")).to_have_count(0)
    assert list(pausing.holds().queues) == [broker.CHUNKS]
    # The keyboard stays where it was: the same button resumes.
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=f"Pause {broker.CHUNKS}", exact=True)).to_be_focused()
    assert pausing.holds().queues == {}
    # The next kind of number, in the dark, on a phone: nothing sticks out.
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 800})
    assert editor.marked
    assert viewer.marked
    editor.eventually("document.documentElement.dataset.bsTheme === 'dark'")
    editor.eventually("document.documentElement.scrollWidth <= innerWidth")
    editor.eventually(f"({INK})().every((ink) => ink > 500)")
    page.locator("main").get_by_role("link", name="Upload", exact=True).click()
    expect(page.get_by_text("Nothing finished in the last 48 hours.")).to_be_visible()
    page.goto(f"{site.url}/overview?by=day")
    expect(page.locator("#charts canvas")).to_have_count(5)
