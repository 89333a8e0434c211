"""Many jobs at once, the page of such an operation, what is stuck, and the audit log."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tasks.control import bulk
from tasks.jobs.allowed import Action
from tasks.listing.job_filter import JobFilter
from tasks.models import AuditEntry, BulkOperation, Kind
from tasks.records import audit
from tests.webapp.pages import rows
from tests.webapp.pages.reading import Page
from tests.webapp.people import csrf_token
from webapp.pages.audit import PAGE_SIZE
from webapp.pages.operation_context import PAGE_SIZE as PAGE_SIZE_OF_OPERATIONS

AsPerson = Callable[[str], FlaskClient]


@pytest.fixture
def editor(app: Flask, as_person: AsPerson) -> FlaskClient:
    client = as_person("editor")
    client.environ_base["HTTP_X_CSRFTOKEN"] = csrf_token(app)
    client.environ_base["HTTP_HX_REQUEST"] = "true"
    return client


def test_the_checked_rows(editor: FlaskClient) -> None:
    jobs = [rows.job("failed"), rows.job("failed")]
    rows.job("failed")
    ids = [job.job_id for job in jobs]
    answer = editor.post("/jobs/bulk/transcode/retry", data={"ids": ids, "matching": ""})
    assert answer.status_code == 200
    (operation,) = BulkOperation.objects
    assert (operation.action, operation.ids, operation.who) == ("retry", ids, "editor@example.com")
    assert Page(answer.text).all("a", href=f"/operations/{operation.job_id}")
    assert "Retry: 2 jobs." in Page(answer.text).text


def test_all_that_match_with_their_outputs(editor: FlaskClient) -> None:
    rows.upload("failed", label="SD")
    rows.upload("failed", label="HD")
    form = {"ids": ["x"], "matching": "?kind=upload&status=failed&label=SD&span=7d", "outputs": "1"}
    assert editor.post("/jobs/bulk/upload/delete", data=form).status_code == 200
    (operation,) = BulkOperation.objects
    assert (operation.job_kind, operation.total, operation.outputs) == ("upload", 1, True)
    assert operation.ids == []
    assert (operation.chosen["label"], operation.chosen["status"]) == ("SD", "failed")
    assert "from" in operation.chosen


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/jobs/bulk/transcode/retry", {}),
        ("/jobs/bulk/transcode/destroy", {"ids": ["x"]}),
        ("/jobs/bulk/transcode/retry", {"ids": [str(n) for n in range(1001)]}),
    ],
)
def test_what_chooses_nothing_is_refused(
    editor: FlaskClient, path: str, form: dict[str, list[str]]
) -> None:
    assert editor.post(path, data=form).status_code == 400
    assert len(BulkOperation.objects) == 0


@pytest.mark.parametrize(
    ("status", "cleared"),
    [("completed", "completed"), ("all", "cancelled,completed,failed")],
)
def test_clear(editor: FlaskClient, status: str, cleared: str) -> None:
    assert editor.post(f"/jobs/clear/upload/{status}").status_code == 200
    (operation,) = BulkOperation.objects
    assert (operation.job_kind, operation.action) == ("upload", "delete")
    assert operation.chosen["statuses"] == cleared


def test_an_operation_says_what_it_skipped_and_why(editor: FlaskClient) -> None:
    job = rows.job("completed")
    operation = bulk.start(Kind.transcode, Action.retry, "<b>ada</b>", ids=[job.job_id])
    reason = "<i>This job is completed.</i>"
    result = {"jobId": job.job_id, "outcome": "skipped", "reason": reason}
    saved = BulkOperation.objects(job_id=operation.job_id)
    saved.update(skipped=1, results=[result], status="completed")
    page = Page(editor.get(f"/operations/{operation.job_id}").text)
    assert "Retry 1 job " in page.text
    assert "Done 0 Skipped 1 Failed 0 Left 0" in page.text
    assert reason in page.text
    assert "<b>ada</b>" in page.text
    assert page.all("a", href=f"/jobs?q={job.job_id}")
    assert editor.get("/operations/none").status_code == 404


def test_operations_are_listed_and_paged(editor: FlaskClient, as_person: AsPerson) -> None:
    started = [
        bulk.start(Kind.upload, Action.retry, f"person {n}", chosen=JobFilter(label="HD"))
        for n in range(PAGE_SIZE_OF_OPERATIONS + 2)
    ]
    first = Page(editor.get("/operations").text)
    assert "person 1." not in first.text
    assert "Retry 0 uploads" in first.text
    assert "All uploads with label HD." in first.text
    (older,) = [a["href"] for a in first.all("a", class_="btn") if "after=" in a["href"]]
    rest = Page(editor.get(older).text)
    assert [a["id"] for a in rest.all("article")] == [
        f"operation-{row.job_id}" for row in (started[1], started[0])
    ]
    assert editor.get("/operations?after=nonsense").status_code == 400
    assert Page(as_person("viewer").get("/jobs").text).all("a", href="/operations")


def test_an_operation_is_cancelled_on_its_page(app: Flask, editor: FlaskClient) -> None:
    job = rows.job("failed")
    operation = bulk.start(Kind.transcode, Action.retry, "ada", ids=[job.job_id])
    path = f"/operations/{operation.job_id}"
    assert Page(editor.get(path).text).posts == [f"{path}/cancel"]

    page = Page(editor.post(f"{path}/cancel").text)
    assert "Cancelled by editor@example.com. 0 of 1 were visited" in page.text
    assert "Left alone 1" in page.text
    assert page.posts == []
    refused = editor.post(f"{path}/cancel")
    assert refused.status_code == 409
    assert "This operation is cancelled: there is nothing to cancel." in refused.text
    results = AuditEntry.objects(action="bulk cancel").scalar("result")
    assert sorted(results) == ["done", "refused"]
    # A worker that was lost with it left no word of the batch that it had in hand.
    lost = BulkOperation.objects(job_id=operation.job_id)
    lost.update(pending=["a", "b"])
    assert "Stopping" in editor.get(path).text
    lost.update(cancelled_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert "Of 2 more nobody knows" in editor.get(path).text
    assert editor.post("/operations/none/cancel").status_code == 404


def test_stuck_jobs_are_listed_before_they_are_fixed(editor: FlaskClient) -> None:
    job = rows.job("active", name="Fog", age=600)
    page = Page(editor.get("/jobs/stuck/transcode").text)
    assert "This would be done: Fog" in page.text
    assert page.posts == ["/jobs/stuck/transcode"]
    assert len(AuditEntry.objects) == 0

    page = Page(editor.post("/jobs/stuck/transcode").text)
    assert "1 fixed." in page.text
    assert [entry.target for entry in AuditEntry.objects] == [job.job_id]
    assert "Nothing is stuck" in editor.get("/jobs/stuck/upload").text


def test_the_audit_log_is_filtered_and_paged(app: Flask, as_person: AsPerson) -> None:
    audit.record("ada", "retry", kind="upload", target="a.upload.720p", detail="<b>Done.</b>")
    audit.record("bob", "bulk retry", kind="transcode", target="an-operation", refused=True)
    for _ in range(PAGE_SIZE):
        audit.record("carl", "sync", kind="transcode", target="a")
    admin = as_person("admin")

    first = Page(admin.get("/audit").text)
    assert len(first.all("article", class_="audit")) == PAGE_SIZE
    assert "ada" not in first.text
    (older,) = [a["href"] for a in first.all("a", class_="btn") if "before=" in a["href"]]
    rest = Page(admin.get(older).text)
    assert len(rest.all("article", class_="audit")) == 2
    assert "<b>Done.</b>" in rest.text
    assert rest.all("a", href="/jobs?q=a.upload.720p&kind=upload")
    assert rest.all("a", href="/operations/an-operation")

    assert len(Page(admin.get("/audit?who=bob").text).all("article")) == 1
    assert len(Page(admin.get("/audit?target=a.upload.720p").text).all("article")) == 1
    audit.record("dora", "bulk cleanup", kind="transcode", target="another")
    assert "Bulk clean up transcode" in Page(admin.get("/audit?who=dora").text).text
    assert "Nothing matches." in Page(admin.get("/audit?who=nobody").text).text
    assert len(Page(admin.get("/audit?before=1e9.x").text).all("article")) == PAGE_SIZE
