"""Every button on every state, many rows at once, what is stuck, and uploads, in a browser."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tasks.feed.announce import announce
from tasks.jobs import lifecycle
from tasks.jobs.allowed import ALLOWED, LABELS, Action
from tasks.models import BulkOperation, Kind, Status, TranscodeJob, UploadJob
from tests.e2e.conftest import Site, Tab
from tests.webapp.pages import rows

OpenTab = Callable[..., Tab]
Job = TranscodeJob | UploadJob

KIND_PATHS = {Kind.transcode: "/jobs", Kind.upload: "/jobs?kind=upload"}
#: What the state of a row is after an action; None: the row is gone.
AFTER = {Action.retry: "Waiting", Action.cancel: "Cancelled", Action.delete: None}
IN_MENU = (Action.sync, Action.delete)


def made(kind: Kind, status: Status) -> Job:
    if kind is Kind.transcode:
        return rows.job(status.value)
    return rows.upload(status.value, of=rows.job("failed"))


def row_of(page: Page, job: Job) -> str:
    return f"#row-{job.job_id.replace('.', '_')}"


@pytest.mark.parametrize("kind", list(Kind))
def test_every_button_on_every_state(site: Site, tab: OpenTab, kind: Kind) -> None:
    jobs = {(action, status): made(kind, status) for action in Action for status in Status}
    editor = tab("editor", width=1440)
    page = editor.open(KIND_PATHS[kind])
    for (action, status), job in jobs.items():
        row = page.locator(row_of(page, job))
        allowed = status in ALLOWED[action]
        row.get_by_label(re.compile("^More for")).click()
        refused = row.locator(
            ".menu-item[aria-disabled]", has_text=re.compile(f"^{LABELS[action]}")
        )
        button = row.get_by_role("button", name=LABELS[action], exact=True)
        expect(button).to_have_count(1 if allowed else 0)
        expect(refused).to_have_count(0 if allowed else 1)
        if not allowed:
            expect(refused).to_contain_text(f"This job is {status.value}")
            page.keyboard.press("Escape")
            continue
        if action not in IN_MENU:
            page.keyboard.press("Escape")
        button.click()
        if action in (Action.cleanup, Action.delete):
            expect(page.locator("#ask")).to_be_visible()
            page.locator("#ask-yes").click()
        expect(page.locator(".toast-card").last, f"{action} {status}").to_be_visible()
        if action is Action.delete:
            expect(row).to_have_count(0)
        elif kind is Kind.transcode and (word := AFTER.get(action)):
            # What becomes of an upload is decided by its transcode job.
            expect(row.locator(".state")).to_have_text(word)
        page.locator(".toast-card [data-dismiss]").last.click()
        expect(page.locator(".toast-card")).to_have_count(0)


def test_a_question_that_is_denied_does_nothing(site: Site, tab: OpenTab) -> None:
    job = rows.job("failed", error_message="No.")
    page = tab("editor", width=1440).open("/jobs")
    row = page.locator(f"#row-{job.job_id}")
    row.get_by_role("button", name="Clean up").click()
    expect(page.locator("#ask")).to_contain_text("Clean up “film.mp4”?")
    page.keyboard.press("Escape")
    expect(page.locator("#ask")).to_be_hidden()
    row.get_by_role("button", name="Retry").click()
    expect(row.locator(".state")).to_have_text("Waiting")
    assert not lifecycle.find(TranscodeJob, job.job_id).cleaning_until


def test_the_keyboard_stays_on_a_button_that_works(site: Site, tab: OpenTab) -> None:
    job = rows.job("cancelled")
    editor = tab("editor")
    page = editor.open(f"/jobs/{job.job_id}")
    button = page.get_by_role("button", name="Sync", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".toast-card")).to_be_visible()
    expect(button).to_be_focused()


def test_view_progress_opens_the_row(site: Site, tab: OpenTab) -> None:
    job = rows.job("active", chunks_total=3)
    page = tab("editor").open("/jobs")
    page.locator(f"#row-{job.job_id}").get_by_label(re.compile("^More for")).click()
    page.get_by_role("button", name="View progress").click()
    expect(page.locator(f"#open-{job.job_id} .cell")).to_have_count(3)
    expect(page.locator("details.menu[open]")).to_have_count(0)


def test_an_upload_row_is_alive_and_opens(site: Site, tab: OpenTab) -> None:
    parent = rows.job("active", name="Fog")
    upload = rows.upload("active", of=parent, files_total=520, files_done=1, bytes_total=1000)
    rows.upload("failed", of=parent, rendition="720p", error_message="No.")
    viewer = tab("viewer")
    page = viewer.open("/jobs")
    expect(page.locator("#kinds")).to_contain_text("1 failed")
    page.locator("#kinds").get_by_role("link", name="Upload").click()
    viewer.live()
    expect(page.locator("#kinds [aria-current]")).to_have_text("Upload")
    dom = upload.job_id.replace(".", "_")
    row = page.locator(f"#row-{dom}")
    expect(row).to_contain_text("1080p FHD")
    row.locator(".opener").click()
    opened = page.locator(f"#open-{dom}")
    expect(opened).to_contain_text("1 of 520")
    viewer.mark()

    fields = {"files_done": 214, "speed": 86e6, "progress": 41.0, "current_file": "seg_214.m4s"}
    UploadJob.objects(job_id=upload.job_id).update(**fields)
    announce(lifecycle.find(UploadJob, upload.job_id), "uploadProgress")

    expect(row.locator(".sentence")).to_have_text("1080p · 214 of 520 files · 86 MB/s")
    expect(row.locator("progress")).to_have_attribute("value", "41.0")
    expect(opened).to_contain_text("seg_214.m4s")
    assert viewer.marked
    opened.get_by_role("link", name="Fog").click()
    viewer.live()
    expect(page.locator("#job-uploads")).to_contain_text("1080p FHD")


def test_filters_are_kept_in_the_address_and_after_an_action(site: Site, tab: OpenTab) -> None:
    old = rows.job("failed", age=8 * 86400, error_message="No.")
    new = rows.job("failed", age=60, error_message="No.")
    editor = tab("editor", width=1440)
    page = editor.open("/jobs")
    page.locator("#filter-span").select_option("7d")
    expect(page.locator(f"#job-{old.job_id}")).to_have_count(0)
    page.locator("#filter-status").select_option("failed")
    expect(page).to_have_url(re.compile("status=failed"))
    expect(page).to_have_url(re.compile("span=7d"))
    page.locator(f"#row-{new.job_id}").get_by_role("button", name="Retry").click()
    # No row moves while the pointer is on one.
    expect(page.locator("#held")).to_be_visible()
    page.mouse.move(2, 2)
    expect(page.locator(f"#job-{new.job_id}")).to_have_count(0)
    expect(page).to_have_url(re.compile("span=7d"))
    page.locator("#stats").get_by_text("Total").click()
    expect(page.locator("#filter-status")).to_have_value("")
    expect(page).to_have_url(re.compile(r"/jobs\?span=7d$"))
    page.locator("#filter-sort").select_option("oldest")
    page.locator("#filter-span").select_option("")
    expect(page.locator(".job").first).to_have_attribute("data-job", old.job_id)


def test_all_that_match_a_filter(site: Site, tab: OpenTab) -> None:
    for number in range(30):
        rows.job("failed" if number else "completed", age=number, error_message="No.")
    editor = tab("editor", width=1440)
    page = editor.open("/jobs?status=failed")
    expect(page.locator("#bulk")).to_be_hidden()
    page.locator(".job input[name=ids]").first.check()
    expect(page.locator("#bulk-count")).to_have_text("1 selected")
    page.locator("#check-all").check()
    expect(page.locator("#bulk-count")).to_have_text("25 selected")
    page.get_by_role("button", name="Select all 29 that match").click()
    expect(page.locator("#bulk-count")).to_have_text("29 selected")
    page.locator("#bulk").get_by_role("button", name="Retry").click()
    expect(page.locator("#ask-words")).to_contain_text("Retry 29 jobs?")
    page.locator("#ask-yes").click()
    expect(page.locator("#bulk")).to_be_hidden()

    page.get_by_role("link", name="Show its progress").click()
    editor.live()
    (operation,) = BulkOperation.objects
    assert (operation.action, operation.total, operation.chosen["status"]) == (
        "retry",
        29,
        "failed",
    )
    expect(page.locator("h1")).to_have_text("Retry 29 jobs")
    editor.mark()
    site.dailies.start("worker")
    expect(page.locator("#tally-done")).to_have_text("29", timeout=60_000)
    expect(page.locator("#operation .state").first).to_have_text("Completed")
    assert editor.marked
    assert TranscodeJob.objects(status="completed").count() == 1


def test_a_live_update_keeps_what_is_checked(site: Site, tab: OpenTab) -> None:
    jobs = [rows.job("active", age=1), rows.job("active", age=2)]
    page = tab("editor").open("/jobs")
    box = page.locator(f"#check-{jobs[0].job_id}")
    box.check()
    page.mouse.move(2, 2)
    lifecycle.cancel(TranscodeJob, jobs[0].job_id, "ada")
    new = rows.job("waiting")
    announce(new, "jobCreated")
    expect(page.locator(f"#job-{new.job_id}")).to_be_visible()
    expect(page.locator(f"#row-{jobs[0].job_id} .state")).to_have_text("Cancelled")
    expect(box).to_be_checked()
    expect(page.locator("#bulk-count")).to_have_text("1 selected")


def test_clear_asks_first(site: Site, tab: OpenTab) -> None:
    rows.job("completed")
    page = tab("editor").open("/jobs")
    page.get_by_text("Clear ▾").click()
    page.locator("#clear-completed").click()
    expect(page.locator("#ask-words")).to_contain_text("Clear all completed?")
    assert len(BulkOperation.objects) == 0
    page.locator("#ask-yes").click()
    expect(page.locator(".toast-card")).to_contain_text("Delete: 1 job.")
    (operation,) = BulkOperation.objects
    assert (operation.action, operation.outputs) == ("delete", False)
    assert operation.chosen["statuses"] == "completed"


def test_fix_stuck_shows_first_what_it_would_do(site: Site, tab: OpenTab) -> None:
    stuck = rows.job("active", name="Fog", age=600)
    page = tab("editor").open("/jobs")
    page.get_by_role("button", name="Fix stuck").click()
    dialog = page.locator("#stuck")
    expect(dialog).to_contain_text("This would be done")
    expect(dialog.locator("li")).to_contain_text("Fog")
    history = len(lifecycle.find(TranscodeJob, stuck.job_id).history)
    dialog.get_by_role("button", name="Fix 1").click()
    expect(dialog).to_contain_text("What was stuck")
    expect(page.locator(".toast-card")).to_contain_text("1 fixed.")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    assert len(lifecycle.find(TranscodeJob, stuck.job_id).history) >= history
    page.get_by_role("button", name="Fix stuck").click()
    expect(dialog).to_contain_text("Nothing is stuck")
