"""`GET /api/admin/media/jobs` and the log of a job, as programs read them."""

import uuid
from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient

from tasks.records import job_log
from tests.webapp.pages import rows

Client = Callable[[str], FlaskClient]
JOBS = "/api/admin/media/jobs"


def test_a_media_on_its_way(app: Flask, as_program: Client) -> None:
    media = rows.media(filename="video.mp4")
    viewer = as_program("viewer")
    fields = {"mediaId", "status", "fileName", "jobId", "jobState", "progress", "manifestUrl"}
    fields |= {"thumbnails", "storyboardUrl", "error", "playable"}

    def now() -> dict[str, object]:
        answer = viewer.get(JOBS, query_string={"mediaId": media.media_id})
        assert answer.status_code == 200
        found: dict[str, object] = answer.get_json()
        assert set(found) == fields
        return found

    uploaded = now()
    assert uploaded == dict.fromkeys(fields) | {
        "mediaId": media.media_id,
        "status": "UPLOADED",
        "fileName": "video.mp4",
        "progress": 0,
        "thumbnails": [],
    }
    job = rows.job("active", of=media, progress=45.9, age=1)
    assert now() == uploaded | {
        "status": "PROCESSING",
        "jobId": job.job_id,
        "jobState": "active",
        "progress": 45,
    }
    job.update(set__status="failed", set__error_message="It has no picture.")
    assert now() == uploaded | {
        "status": "FAILED",
        "jobId": job.job_id,
        "jobState": "failed",
        "progress": 45,
        "error": "It has no picture.",
    }


def test_addresses_of_what_is_ready_can_be_handed_on(
    app: Flask, as_program: Client, as_person: Client
) -> None:
    media = rows.media(playable=True)
    rows.job("completed", of=media)
    query = {"mediaId": media.media_id}
    by_token = as_program("viewer").get(JOBS, query_string=query).get_json()
    assert (by_token["status"], by_token["progress"]) == ("READY", 100)
    assert by_token["playable"]["complete"]
    for url in (
        by_token["manifestUrl"],
        by_token["playable"]["url"],
        *by_token["thumbnails"],
        by_token["storyboardUrl"],
    ):
        assert url.startswith("http://localhost/media/s/"), url
        # Nothing is in the bucket; without the signature it would be 401.
        assert app.test_client().get(url).status_code == 404
    assert [url.rsplit("/", 1)[1] for url in by_token["thumbnails"]] == ["poster.jpg"]
    by_session = as_person("viewer").get(JOBS, query_string=query).get_json()
    assert by_session["manifestUrl"] == f"http://localhost/media/{media.master_key}"


def test_what_cannot_be_answered(as_program: Client) -> None:
    viewer = as_program("viewer")
    for query, status, word in (
        ("", 400, "mediaId"),
        ("mediaId=", 400, "mediaId"),
        (f"mediaId={uuid.uuid4()}", 404, "no such media"),
        ("mediaId=$ne", 404, "no such media"),
        (f"mediaId={'x' * 101}", 422, "mediaId"),
    ):
        answer = viewer.get(f"{JOBS}?{query}")
        assert answer.status_code == status, query
        assert answer.mimetype == "application/problem+json"
        assert word in answer.get_json()["error"]


def test_a_jobs_log_is_read_by_pages(as_program: Client) -> None:
    viewer, job = as_program("viewer"), rows.job("failed")
    path = f"/v1/studio/transcoding-jobs/{job.job_id}/log"
    assert viewer.get(path).get_json() == {"jobId": job.job_id, "lines": [], "after": None}
    for number in range(3):
        job_log.note(job.job_id, "split", f"line {number}", detail="x264" if number else "")
    job_log.note(job.job_id, "split", "gone wrong", level="error")

    first = viewer.get(f"{path}?limit=3").get_json()
    assert [line["message"] for line in first["lines"]] == ["line 0", "line 1", "line 2"]
    assert first["lines"][0] | {"at": ""} == {
        "at": "",
        "level": "info",
        "step": "split",
        "message": "line 0",
        "detail": None,
    }
    assert first["lines"][1]["detail"] == "x264"
    rest = viewer.get(f"{path}?limit=3&after={first['after']}").get_json()
    assert [line["message"] for line in rest["lines"]] == ["gone wrong"]
    assert rest["after"] is None
    errors = viewer.get(f"{path}?level=error").get_json()["lines"]
    assert [line["message"] for line in errors] == ["gone wrong"]

    for query, status in (("after=x", 400), ("limit=0", 422), ("level=loud", 422), ("x=1", 422)):
        assert viewer.get(f"{path}?{query}").status_code == status, query
    assert viewer.get("/v1/studio/transcoding-jobs/none/log").status_code == 404
    job.delete()
    assert len(viewer.get(path).get_json()["lines"]) == 4
