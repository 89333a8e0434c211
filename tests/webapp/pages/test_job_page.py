"""One job's page, what opens below its row, and its actions."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tasks.jobs import lifecycle
from tasks.models import Lease, Step, TranscodeJob, Transition
from tests.webapp.pages import rows
from tests.webapp.pages.reading import Page
from tests.webapp.people import csrf_token

AsPerson = Callable[[str], FlaskClient]


def add_chunk(job: TranscodeJob, index: int, status: str, **fields: object) -> None:
    Step(
        job_id=f"{job.job_id}.chunk.{index}",
        transcode_id=job.job_id,
        kind="chunk",
        index=index,
        status=status,
        frames=100,
        created_at=rows.NOW,
        **fields,
    ).save()


@pytest.fixture
def running() -> TranscodeJob:
    job = rows.job(
        "active",
        phase="transcoding",
        chunks_total=4,
        chunks_done=1,
        renditions=[
            {
                "name": "720p",
                "label": "HD",
                "height": 720,
                "average_bandwidth": 2_500_000,
                "size": 118_000_000,
                "segments": 204,
                "segments_done": 126,
            }
        ],
    )
    add_chunk(job, 0, "completed", frames_done=100)
    lease = Lease(worker="a worker", token="t", expires_at=rows.NOW)
    add_chunk(job, 1, "active", frames_done=40, lease=lease)
    lost = Transition(
        at=rows.NOW + timedelta(seconds=9),
        status="waiting",
        who="reconciler",
        why="Its worker died.",
    )
    first = Transition(at=rows.NOW, status="waiting", who="dailies", why="")
    add_chunk(job, 2, "waiting", attempt=1, history=[first, lost])
    return job


@pytest.mark.parametrize("path", ["/jobs/{id}", "/jobs/{id}/details"])
def test_details_show_chunks_renditions_and_history(
    app: Flask, as_person: AsPerson, running: TranscodeJob, path: str
) -> None:
    response = as_person("viewer").get(path.format(id=running.job_id))
    assert response.status_code == 200
    page = Page(response.text)
    cells = [(c["class"], c["value"]) for c in page.all("progress", class_="cell")]
    assert cells == [
        ("cell completed", "100"),
        ("cell active", "40"),
        ("cell waiting", "0"),
        ("cell waiting", "0"),
    ]
    assert "1 of 4 · 1 worker" in page.text
    assert "720p HD 2.5 Mb/s 118 MB 126 of 204 segments" in page.text
    assert "Waiting Asked." in page.text
    assert "Chunk 3 waits again Its worker died." in page.text


def test_a_failed_job_says_why_with_the_log(app: Flask, as_person: AsPerson) -> None:
    job = rows.job(
        "failed",
        failed_reason="bad_input",
        error_message="Source is damaged.",
        error_log="[h264] <b>error</b>",
    )
    page = Page(as_person("viewer").get(f"/jobs/{job.job_id}").text)
    assert "The source cannot be used Source is damaged." in page.text
    assert "put a repaired one in" in page.text
    assert "[h264] <b>error</b>" in page.text
    assert not page.all("b")


def test_the_player_is_there_when_there_is_something_to_play(
    app: Flask, as_person: AsPerson
) -> None:
    viewer = as_person("viewer")
    unfinished = rows.job("active")
    assert not Page(viewer.get(f"/jobs/{unfinished.job_id}").text).all("dailies-player")
    playable = rows.media(playable=True)
    done = rows.job("completed", of=playable)
    (player,) = Page(viewer.get(f"/jobs/{done.job_id}").text).all("dailies-player")
    assert player["src"] == f"/media/{playable.master_key}"
    assert player["storyboard"] == f"/media/{playable.storyboard_key}"


@pytest.mark.parametrize("path", ["/jobs/no-such-id", "/jobs/no-such-id/details", "/jobs/of/x"])
def test_an_unknown_job_is_a_page_that_says_so(app: Flask, as_person: AsPerson, path: str) -> None:
    response = as_person("viewer").get(path, headers={"Accept": "text/html"})
    assert response.status_code == 404
    assert "There is no job" in Page(response.text).text


def test_a_media_leads_to_its_latest_job(app: Flask, as_person: AsPerson) -> None:
    source = rows.media()
    rows.job("failed", age=9, of=source)
    latest = rows.job("waiting", of=source)
    response = as_person("viewer").get(f"/jobs/of/{source.media_id}")
    assert response.location == f"/jobs/{latest.job_id}"


class TestActions:
    """Cancel and retry, as buttons post them."""

    @pytest.fixture
    def editor(self, app: Flask, as_person: AsPerson) -> FlaskClient:
        client = as_person("editor")
        client.environ_base["HTTP_X_CSRFTOKEN"] = csrf_token(app)
        client.environ_base["HTTP_HX_REQUEST"] = "true"
        return client

    def test_cancel_answers_with_the_new_row(self, editor: FlaskClient) -> None:
        job = rows.job("active")
        response = editor.post(f"/jobs/transcode/{job.job_id}/cancel")
        assert response.status_code == 200
        page = Page(response.text)
        targets = [p["hx-target"] for p in page.all("hx-partial")]
        assert targets == [f"#row-{job.job_id}", "#toasts"]
        assert "film.mp4: Cancelled." in page.text
        assert f"/jobs/transcode/{job.job_id}/retry" in page.posts
        row = lifecycle.find(TranscodeJob, job.job_id)
        assert (row.status, row.history[-1].who) == ("cancelled", "editor@example.com")

    def test_retry_makes_it_wait_again(self, editor: FlaskClient) -> None:
        job = rows.job("failed", error_message="No.")
        url = f"http://localhost/jobs/{job.job_id}"
        response = editor.post(
            f"/jobs/transcode/{job.job_id}/retry", headers={"HX-Current-URL": url}
        )
        assert response.status_code == 200
        page = Page(response.text)
        assert [p["hx-target"] for p in page.all("hx-partial")] == ["#job-head", "#toasts"]
        assert lifecycle.find(TranscodeJob, job.job_id).status == "waiting"

    @pytest.mark.parametrize(
        ("status", "verb"), [("completed", "cancel"), ("completed", "retry"), ("active", "retry")]
    )
    def test_what_the_state_forbids_is_a_conflict_that_says_it(
        self, editor: FlaskClient, status: str, verb: str
    ) -> None:
        job = rows.job(status)
        response = editor.post(f"/jobs/transcode/{job.job_id}/{verb}")
        assert response.status_code == 409
        assert f"This job is {status}" in Page(response.text).text
        assert lifecycle.find(TranscodeJob, job.job_id).status == status

    def test_an_unknown_job_is_not_found(self, editor: FlaskClient) -> None:
        assert editor.post("/jobs/transcode/none/cancel").status_code == 404

    @pytest.mark.parametrize("verb", ["cancel", "retry"])
    def test_a_viewer_is_refused(self, app: Flask, as_person: AsPerson, verb: str) -> None:
        job = rows.job("failed" if verb == "retry" else "active")
        response = as_person("viewer").post(
            f"/jobs/transcode/{job.job_id}/{verb}", headers={"X-CSRFToken": csrf_token(app)}
        )
        assert response.status_code == 403
        assert lifecycle.find(TranscodeJob, job.job_id).status == job.status
