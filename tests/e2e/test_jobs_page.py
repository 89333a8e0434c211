"""The jobs page in a browser: alive, calm, and the same for everybody who looks."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tasks.control import bulk
from tasks.feed.announce import announce as tell
from tasks.jobs import lifecycle
from tasks.jobs.allowed import Action
from tasks.models import BulkOperation, Kind, TranscodeJob
from tasks.records import audit
from tests.e2e.conftest import Site, Tab
from tests.servers import Servers
from tests.webapp.pages import rows

OpenTab = Callable[..., Tab]

#: The smallest picture there is.
POSTER = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"


def announce(job: TranscodeJob, event: str = "transcodeProgress") -> None:
    tell(lifecycle.find(TranscodeJob, job.job_id), event)


def top_of(page: Page, job: TranscodeJob) -> float:
    box = page.locator(f"#row-{job.job_id}").bounding_box()
    assert box is not None
    return box["y"]


def test_a_viewer_sees_no_buttons(site: Site, tab: OpenTab) -> None:
    running = rows.job("active")
    rows.job("failed", error_message="No.")
    viewer = tab("viewer")
    page = viewer.open("/jobs")
    expect(page.locator(".job")).to_have_count(2)
    for path in ("/jobs", f"/jobs/{running.job_id}"):
        viewer.open(path)
        main = page.locator("main")
        expect(main.get_by_role("button", name=re.compile("Cancel|Retry|More"))).to_have_count(0)
        expect(page.locator("a[href='/upload']")).to_have_count(0)
    # Nor by hand.
    status = page.evaluate(
        """(path) => fetch(path, {method: 'POST', headers:
             {'X-CSRFToken': document.querySelector('meta[name=csrf-token]').content}})
             .then((answer) => answer.status)""",
        f"/jobs/transcode/{running.job_id}/cancel",
    )
    assert status == 403
    assert len(viewer.complaints) == 2  # the answer and the console's line about it
    viewer.complaints.clear()
    assert lifecycle.find(TranscodeJob, running.job_id).status == "active"


def test_two_browsers_see_the_same_job(site: Site, tab: OpenTab) -> None:
    job = rows.job("active", phases={"splitting": 50})
    one, two = tab("editor"), tab("viewer")
    one.open("/jobs")
    two.open(f"/jobs/{job.job_id}")
    one.mark()
    two.mark()

    one.page.locator(f"#row-{job.job_id}").get_by_role("button", name="Cancel").click()

    expect(one.page.locator(f"#row-{job.job_id} .state")).to_have_text("Cancelled")
    expect(one.page.locator(".toast-card")).to_contain_text("film.mp4: Cancelled.")
    expect(two.page.locator("#job-head .state")).to_have_text("Cancelled")
    expect(one.page.locator("#stats")).to_contain_text(re.compile(r"Active\s*0"))
    assert one.marked
    assert two.marked


def test_the_title_counts_active_jobs(site: Site, tab: OpenTab) -> None:
    jobs = [rows.job("active"), rows.job("active")]
    page = tab("viewer").open("/jobs")
    expect(page).to_have_title("(2) Jobs · Dailies")
    for job in jobs:
        lifecycle.cancel(TranscodeJob, job.job_id, "ada")
    expect(page).to_have_title("Jobs · Dailies")


def test_a_lost_connection_comes_back_by_itself(site: Site, tab: OpenTab) -> None:
    job = rows.job("active")
    viewer = tab("viewer")
    page = viewer.open("/jobs")
    viewer.mark()
    page.locator(f"#row-{job.job_id} .opener").click()
    expect(page.locator(f"#open-{job.job_id}")).to_contain_text("History")
    page.mouse.move(2, 2)

    site.stop()
    expect(page.locator("#live")).to_contain_text("Reconnecting…")
    lifecycle.cancel(TranscodeJob, job.job_id, "ada")
    new = rows.job("waiting")
    site.start()

    viewer.live()
    expect(page.locator("#live .live-word")).to_have_text("Live")
    expect(page.locator(f"#row-{job.job_id} .state")).to_have_text("Cancelled")
    expect(page.locator(f"#job-{new.job_id}")).to_be_visible()
    # What was open is open still, and alive.
    expect(page.locator(f"#open-{job.job_id} .history")).to_contain_text("Cancelled by ada.")
    assert viewer.marked
    # The browser and htmx each note a refused connection in the console, and nothing else is there.
    lost = [c for c in viewer.complaints if "WebSocket" in c or "ws:error" in c]
    assert lost == viewer.complaints
    viewer.complaints.clear()


def test_an_open_row_stays_open_and_fills(site: Site, tab: OpenTab) -> None:
    job = rows.job("active", phase="transcoding", chunks_total=4)
    page = tab("viewer").open("/jobs")
    opener = page.locator(f"#row-{job.job_id} .opener")
    opener.focus()
    page.keyboard.press("Enter")
    cells = page.locator(f"#open-{job.job_id} .cell")
    expect(cells).to_have_count(4)
    expect(opener).to_have_attribute("aria-expanded", "true")

    lifecycle.update_job(job.job_id, {"chunks_total": 6, "detail": ""})
    announce(job)
    expect(cells).to_have_count(6)
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(opener).to_be_focused()

    page.keyboard.press("Enter")
    expect(cells).to_have_count(0)
    expect(opener).to_have_attribute("aria-expanded", "false")


def test_no_row_moves_under_the_pointer(site: Site, tab: OpenTab) -> None:
    job = rows.job("active", age=9)
    page = tab("viewer").open("/jobs")
    page.locator(f"#row-{job.job_id} .sentence").hover()
    before = top_of(page, job)

    new = rows.job("waiting")
    announce(new, "jobCreated")
    expect(page.locator("#stats")).to_contain_text(re.compile(r"Total\s*2"))
    expect(page.locator("#held")).to_be_visible()
    assert top_of(page, job) == before
    # What does not move goes on.
    lifecycle.update_job(job.job_id, {"phases": {"splitting": 55.0}})
    announce(job)
    bar = page.locator(f"#row-{job.job_id} progress.splitting")
    expect(bar).to_have_attribute("value", "55.0")

    page.mouse.move(5, 5)
    expect(page.locator(f"#job-{new.job_id}")).to_be_visible()
    expect(page.locator("#held")).to_be_hidden()
    assert top_of(page, job) > before


def test_cards_and_search_filter_and_live_in_the_address(site: Site, tab: OpenTab) -> None:
    fog = rows.job("failed", name="Fog", error_message="No.")
    rows.job("failed", name="Rain", error_message="No.")
    rows.job("completed", name="Fog")
    viewer = tab("viewer")
    page = viewer.open("/jobs")
    viewer.mark()

    page.locator("#stats").get_by_text("Failed").click()
    expect(page).to_have_url(re.compile(r"/jobs\?status=failed$"))
    expect(page.locator(".job")).to_have_count(2)
    page.locator("#search").press_sequentially("fog", delay=30)
    expect(page).to_have_url(re.compile(r"/jobs\?q=fog&status=failed$|\?status=failed&q=fog$"))
    expect(page.locator(".job")).to_have_count(1)
    expect(page.locator("#search")).to_be_focused()
    expect(page.locator("#search")).to_have_value("fog")

    # Live updates keep to the filter.
    other = rows.job("failed", name="Fog again", error_message="No.")
    rows.job("failed", name="Sun", error_message="No.")
    announce(other, "jobCreated")
    expect(page.locator(f"#job-{other.job_id}")).to_be_visible()
    expect(page.locator(".job")).to_have_count(2)
    expect(page.locator("#search")).to_be_focused()
    assert viewer.marked

    page.reload()
    expect(page.locator(".job")).to_have_count(2)
    expect(page.locator(f"#job-{fog.job_id}")).to_be_visible()
    page.locator("#search").fill("nothing like it")
    expect(page.locator("#nothing")).to_contain_text("No failed jobs match “nothing like it”.")
    page.get_by_text("Show all jobs").click()
    expect(page.locator(".job")).to_have_count(5)
    page.go_back()
    expect(page.locator("#nothing")).to_be_visible()
    viewer.live()


def test_an_action_the_state_forbids_says_why(site: Site, tab: OpenTab) -> None:
    job = rows.job("active")
    editor = tab("editor")
    page = editor.open("/jobs")
    # Somebody else was faster, and this page has not heard of it yet.
    page.evaluate("htmx.config.morphSkip = '*'")
    lifecycle.cancel(TranscodeJob, job.job_id, "ada")
    page.locator(f"#row-{job.job_id}").get_by_role("button", name="Cancel").click()
    expect(page.locator(".toast-card.refused")).to_contain_text("This job is cancelled")
    assert [c for c in editor.complaints if "409" not in c] == []
    editor.complaints.clear()


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_scrolls_sideways(site: Site, tab: OpenTab, clean: Servers, width: int) -> None:
    name = "a_file_name_without_any_space_that_is_far_too_long_" * 3
    job = rows.job("failed", name=name, error_message=name, error_log=name * 3, attempt=2)
    media = rows.media(playable=True, filename=name)
    clean.s3_client.put_object(Bucket=clean.bucket, Key=media.poster_key, Body=POSTER)
    active = rows.job("active", of=media, phases={"splitting": 3}, chunks_total=300)
    rows.upload("failed", of=active, resource_name=name, error_message=name, upload_path=name)
    audit.record("ada@example.com", "retry", kind="transcode", target=name, detail=name)
    operation = bulk.start(Kind.transcode, Action.retry, name, ids=[job.job_id])
    result = {"jobId": name, "outcome": "skipped", "reason": name}
    BulkOperation.objects(job_id=operation.job_id).update(results=[result])
    editor = tab("admin", width=width, height=844)
    lists = ("/jobs", "/jobs?kind=upload")
    more = (
        f"/jobs/{job.job_id}",
        "/library",
        "/upload",
        "/audit",
        f"/operations/{operation.job_id}",
    )
    for path in (*lists, *more):
        page = editor.open(path)
        if path in lists:
            page.locator("#check-all").check()
            page.locator(".opener").first.click()
            page.wait_for_selector(".job-open .details")
        for menu in page.locator("details.menu > summary:visible").all():
            menu.click()
            excess = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert excess <= 0, (path, excess)
            page.keyboard.press("Escape")
            expect(page.locator("details.menu[open]")).to_have_count(0)


def test_the_theme_that_was_chosen_stays(site: Site, tab: OpenTab) -> None:
    viewer = tab("viewer")
    page = viewer.open("/jobs")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    page.get_by_label("Your account").click()
    page.get_by_label("Dark").check()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    viewer.open("/library")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_signing_out_ends_it(site: Site, tab: OpenTab) -> None:
    page = tab("viewer").open("/jobs")
    page.get_by_label("Your account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(f"{site.url}/jobs")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
