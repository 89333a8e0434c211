"""Upload jobs on the jobs page: the toggle, what their rows say, and what narrows them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from tasks.control import pausing
from tasks.jobs.upload_text import NOTHING_LOST
from tasks.queue import broker
from tests.webapp.pages import rows
from tests.webapp.pages.reading import Page

AsPerson = Callable[[str], FlaskClient]


@pytest.fixture
def viewer(as_person: AsPerson) -> FlaskClient:
    return as_person("viewer")


def read(client: FlaskClient, path: str) -> Page:
    response = client.get(path)
    assert response.status_code == 200, response.text
    return Page(response.text)


def test_the_toggle_says_how_many_failed_on_the_other_side(viewer: FlaskClient) -> None:
    upload = rows.upload("failed")
    rows.job("failed")
    rows.job("failed")

    transcodes = read(viewer, "/jobs")
    assert "Upload 1 failed" in transcodes.text
    assert upload.job_id not in transcodes.jobs

    uploads = read(viewer, "/jobs?kind=upload")
    assert uploads.jobs == [upload.job_id]
    assert "Transcoding 2 failed" in uploads.text
    assert "Upload 1 failed" not in uploads.text
    assert uploads.all("a", href="/jobs?kind=upload", aria_current="page")


@pytest.mark.parametrize(
    ("status", "fields", "says"),
    [
        (
            "active",
            {"files_total": 520, "files_done": 214, "speed": 86e6, "bytes_total": 9e8},
            "1080p · 214 of 520 files · 86 MB/s 10 s left",
        ),
        ("waiting", {}, "In line"),
        ("completed", {"files_total": 520, "bytes_total": 1_200_000_000}, "520 files · 1.2 GB"),
        ("failed", {"error_message": "S3 refused it.", "attempt": 3}, "S3 refused it."),
        ("cancelled", {"error_message": "Cancelled by ada."}, "Cancelled by ada."),
    ],
)
def test_an_upload_says_what_is_happening(
    viewer: FlaskClient, status: str, fields: dict[str, Any], says: str
) -> None:
    rows.upload(status, name="Fog", **fields)
    page = read(viewer, "/jobs?kind=upload")
    assert "Fog 1080p FHD · HLS rendition" in page.text
    assert says in page.text
    assert len(page.all("progress", class_=status)) == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=failed", ["bad"]),
        ("uploadType=subtitle", ["subtitle"]),
        ("contentType=subtitle", ["subtitle"]),
        ("label=SD", ["bad"]),
        ("type=episode", ["subtitle"]),
        ("span=24h", ["new", "subtitle"]),
        ("span=7d", ["new", "subtitle", "bad"]),
        ("q=new", ["new"]),
        ("sort=oldest", ["bad", "subtitle", "new"]),
        ("sort=name", ["bad", "new", "subtitle"]),
        ("span=7d&label=SD&status=waiting", []),
    ],
)
def test_each_filter(viewer: FlaskClient, query: str, found: list[str]) -> None:
    made = {
        "new": rows.upload("waiting", name="New", age=10),
        "subtitle": rows.upload(
            "completed",
            name="Tides",
            age=3600,
            rendition=None,
            upload_type="subtitle",
            content_type="subtitle",
            label=None,
            resource_type="episode",
        ),
        "bad": rows.upload("failed", name="Bad", age=3 * 86400, label="SD", rendition="480p"),
    }
    page = read(viewer, f"/jobs?kind=upload&{query}")
    assert page.jobs == [made[name].job_id for name in found]


def test_links_keep_every_filter(viewer: FlaskClient) -> None:
    for number in range(51):
        rows.upload("failed", name="Fog", age=number)
    page = read(viewer, "/jobs?kind=upload&label=FHD&span=7d&sort=oldest&size=50&q=fog")
    assert len(page.jobs) == 50
    kept = "kind=upload&label=FHD&q=fog&span=7d&sort=oldest&size=50"
    hrefs = [a["href"] for a in page.all("a", class_="stat")]
    assert hrefs[0] == f"/jobs?{kept}"
    assert all("span=7d" in href and "size=50" in href for href in hrefs)
    assert "50 of 51 uploads" in page.text
    (further,) = [a["href"] for a in page.all("a", class_="btn") if "after=" in a["href"]]
    assert further.startswith(f"/jobs?{kept}&after=")
    assert len(read(viewer, further).jobs) == 1


def test_an_upload_opens_to_its_details(viewer: FlaskClient) -> None:
    upload = rows.upload(
        "active",
        name="Fog",
        files_total=9,
        files_done=2,
        bytes_total=2_000_000,
        bytes_done=500_000,
        speed=1e6,
        current_file="seg_3.m4s",
        error_message="<b>No.</b>",
    )
    page = read(viewer, f"/jobs/upload/{upload.job_id}/details")
    for words in ("2 of 9", "500 kB of 2 MB", "1 MB/s", "seg_3.m4s", upload.upload_path):
        assert words in page.text
    assert page.all("a", href=f"/jobs/{upload.transcode_id}")
    assert "Files are due. · by dailies" in page.text
    assert "<b>No.</b>" in page.text
    assert viewer.get("/jobs/upload/none/details").status_code == 404


def test_a_job_lists_its_uploads_and_leads_to_what_it_goes_with(viewer: FlaskClient) -> None:
    media = rows.media(playable=True)
    job = rows.job("completed", of=media)
    upload = rows.upload("failed", of=job, error_message="S3 refused it.")
    page = read(viewer, f"/jobs/{job.job_id}")
    assert "1080p FHD Failed" in page.text
    assert "S3 refused it." in page.text
    for path in (
        f"/jobs?kind=upload&q={upload.job_id}",
        f"/jobs?kind=upload&transcodeId={job.job_id}",
        f"/jobs?mediaId={media.media_id}",
    ):
        assert page.all("a", href=path), path
        assert read(viewer, path).jobs == [upload.job_id if "upload" in path else job.job_id]
    assert page.all("a", href=f"/watch/{media.media_id}")


def test_a_master_that_waits_says_for_what(viewer: FlaskClient) -> None:
    job = rows.job("active", phase="uploading")
    why = "Waits: 720p failed to upload (storage: Storage answered AccessDenied)."
    master = rows.upload(
        "waiting", of=job, rendition=None, upload_type="master_playlist", waits_for=why
    )
    for path in ("/jobs?kind=upload", f"/jobs/{job.job_id}"):
        assert why in read(viewer, path).text, path
    listed = viewer.get("/v1/studio/upload-jobs").get_json()["jobs"]
    assert [row["waitsFor"] for row in listed] == [why]
    assert viewer.get(f"/v1/studio/upload-jobs/{master.job_id}").get_json()["waitsFor"] == why


def test_who_may_only_look_views_progress_and_changes_nothing(viewer: FlaskClient) -> None:
    upload = rows.upload("failed")
    page = read(viewer, "/jobs?kind=upload")
    assert "View progress" in page.text
    assert page.all("button", data_opens=upload.job_id, class_="menu-item")
    assert page.posts == []


def test_subtitles_are_told_apart_by_their_files(viewer: FlaskClient) -> None:
    about: dict[str, Any] = {"rendition": None, "upload_type": "subtitle", "label": None}
    rows.upload("failed", filename="broken.srt", upload_path=None, **about)
    rows.upload("completed", filename="de.srt", language="de", **about)
    page = read(viewer, "/jobs?kind=upload")
    assert "Subtitle · broken.srt" in page.text
    assert "Subtitle de · de.srt" in page.text


def test_a_paused_queue_is_said_where_its_jobs_wait(viewer: FlaskClient) -> None:
    pausing.pause(broker.UPLOAD_HLS, "ada")
    rows.upload("waiting")
    rows.upload("waiting", queue_name=broker.UPLOAD_SUBTITLE, upload_type="subtitle")
    job = rows.job("active", phase="uploading")
    text = read(viewer, "/jobs?kind=upload").text
    assert text.count("The queue upload-hls-to-s3 is paused.") == 1
    assert text.count("In line") == 1
    for path in ("/jobs", f"/jobs/{job.job_id}"):
        assert "Uploading · The queue upload-hls-to-s3 is paused." in read(viewer, path).text


def test_a_job_says_what_its_master_waits_for_in_vain(viewer: FlaskClient) -> None:
    job = rows.job("active", phase="uploading", name="Fog")
    rows.upload("cancelled", of=job, rendition="audio")
    why = "Waits: the upload of audio was cancelled (Cancelled by ada)."
    rows.upload("waiting", of=job, rendition=None, upload_type="master_playlist", waits_for=why)
    fine = rows.job("active", phase="uploading", name="Fine")
    rows.upload(
        "waiting", of=fine, rendition=None, upload_type="master_playlist", waits_for=NOTHING_LOST
    )
    text = read(viewer, "/jobs").text
    assert text.count(f"Uploading · {why}") == 1
    assert NOTHING_LOST not in text


def test_what_a_link_narrowed_the_list_to_is_said_and_can_be_left(viewer: FlaskClient) -> None:
    job = rows.job("completed", name="Fog")
    rows.upload("completed", of=job)
    rows.upload("completed", name="Tides")
    page = read(viewer, f"/jobs?kind=upload&transcodeId={job.job_id}&label=FHD")
    assert "Transcode job Fog" in page.text
    (out,) = page.all("a", aria_label="Show other than Transcode job Fog too")
    assert out["href"] == "/jobs?kind=upload&label=FHD"
    assert len(read(viewer, out["href"]).jobs) == 2


def test_a_stretch_of_time_is_a_field_of_the_filter(viewer: FlaskClient) -> None:
    rows.upload("completed", name="Old", created_at=datetime(2026, 1, 5, tzinfo=UTC))
    rows.upload("completed", name="New", created_at=datetime(2026, 1, 9, tzinfo=UTC))
    page = read(viewer, "/jobs?kind=upload&span=between&from=2026-01-04T10:30&to=2026-01-08T00:00")
    assert len(page.jobs) == 1
    (since,) = page.all("input", name="from")
    assert (since["type"], since["value"]) == ("datetime-local", "2026-01-04T10:30:00")
    assert page.all("option", value="between")[0]["selected"] == ""
