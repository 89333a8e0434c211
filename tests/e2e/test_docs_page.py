"""The description of the API in a browser."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Tab


def test_a_call_is_found_and_read(tab: Callable[..., Tab]) -> None:
    viewer = tab("viewer")
    page = viewer.open("/jobs")
    page.get_by_label("Your account").click()
    page.get_by_role("link", name="API", exact=True).click()
    expect(page.get_by_role("heading", name="API")).to_be_visible()
    page.get_by_role("link", name="POST /api/upload/convert-to-hls/{videoId}").click()
    call = page.locator("#api_upload_convert")
    expect(call).to_be_in_viewport()
    expect(call).to_contain_text("Starts encoding.")
    expect(call.get_by_text("monitorProgress")).to_be_visible()
    refused = call.locator("summary", has_text="Refused")
    expect(call.get_by_text("Its state does not allow that.")).to_be_hidden()
    refused.click()
    expect(call.get_by_text("Its state does not allow that.")).to_be_visible()
    # In the dark, on a phone: nothing sticks out.
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 800})
    page.get_by_role("link", name="Upload jobs").click()
    viewer.eventually("document.documentElement.dataset.bsTheme === 'dark'")
    viewer.eventually("document.documentElement.scrollWidth <= innerWidth")
    # What is answered is not hidden behind a script.
    assert page.request.get(f"{viewer.site.url}/openapi.json").ok
