"""``/api/upload/v1``: one call in, a job out, told in four words."""

import io
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.models import AuditEntry, Media, Status, TranscodeJob
from tests.servers import Servers
from tests.webapp.test_errors import assert_problem
from tests.webapp.test_upload_api import CONTENT, UNKNOWN, finish, publish, uploaded
from webapp.api.v1_models import V1State, state_of
from webapp.intake import stored_source

UPLOAD = "/api/upload/v1/upload"


def send(client: FlaskClient, **fields: Any) -> TestResponse:
    data = {**fields, "video": (io.BytesIO(CONTENT), "film.mp4", "video/mp4")}
    return client.post(UPLOAD, data=data, content_type="multipart/form-data")


def queued(client: FlaskClient) -> str:
    answer = send(client)
    assert answer.status_code == 202, answer.text
    job_id: str = answer.get_json()["jobId"]
    return job_id


def state(client: FlaskClient, job_id: str) -> dict[str, Any]:
    answer = client.get(f"/api/upload/v1/status/{job_id}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.get_json()
    return body


def test_every_status_has_its_word() -> None:
    assert {status: state_of(status).value for status in Status} == {
        Status.waiting: "queued",
        Status.active: "processing",
        Status.completed: "completed",
        Status.failed: "failed",
        Status.cancelled: "failed",
    }
    assert {word.value for word in V1State} == {"queued", "processing", "completed", "failed"}


def test_a_file_becomes_a_queued_job(editor: FlaskClient) -> None:
    title = editor.post("/api/titles", json={"kind": "film", "name": "Tides"}).get_json()
    answer = send(editor, titleId=title["id"])
    job = TranscodeJob.objects.get()
    media = Media.objects.get()
    assert answer.status_code == 202
    assert answer.get_json() == {
        "message": "Queued!",
        "jobId": job.job_id,
        "videoId": media.media_id,
        "checkStatus": f"GET /api/upload/v1/status/{job.job_id}",
    }
    assert answer.headers["Location"] == f"/api/upload/v1/status/{job.job_id}"
    assert (job.media_id, job.status, job.name) == (media.media_id, "waiting", "Tides")
    assert get_storage().get_bytes(media.source_key) == CONTENT
    assert state(editor, job.job_id) == {"jobId": job.job_id, "status": "queued", "progress": 0}


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"json": {}},
        {"json": {"s3Key": ""}},
        {"json": {"clientId": "me"}},
        {"data": b"--x--\r\n", "content_type": "multipart/form-data; boundary=x"},
        {"data": {"title": "x"}, "content_type": "multipart/form-data"},
    ],
)
def test_no_file_is_400(editor: FlaskClient, request_: dict[str, Any]) -> None:
    sentence = assert_problem(editor.post(UPLOAD, **request_), 400)
    assert "file" in sentence
    assert len(Media.objects) == len(TranscodeJob.objects) == 0


def test_another_kind_of_body_is_415(editor: FlaskClient) -> None:
    assert_problem(editor.post(UPLOAD, data=b"film", content_type="video/mp4"), 415)


def test_a_file_that_was_uploaded_here_is_named_by_its_key(editor: FlaskClient) -> None:
    video = uploaded(editor)
    answer = editor.post(UPLOAD, json={"s3Key": video["s3Key"], "clientId": "me"})
    assert answer.status_code == 202
    job = TranscodeJob.objects.get()
    assert answer.get_json()["jobId"] == job.job_id
    assert answer.get_json()["videoId"] == video["id"] == job.media_id
    assert job.client_id == "me"
    again = editor.post(UPLOAD, json={"s3Key": video["s3Key"]})
    assert again.get_json()["jobId"] == job.job_id
    assert len(TranscodeJob.objects) == 1


def test_a_file_that_somebody_put_into_the_bucket_is_taken(editor: FlaskClient) -> None:
    key = "videos/1234567890-film.mp4"
    get_storage().put_bytes(key, CONTENT, "video/mp4")
    answer = editor.post(UPLOAD, json={"s3Key": key})
    assert answer.status_code == 202, answer.text
    media = Media.objects.get()
    assert (media.source_key, media.filename, media.size, media.content_type) == (
        key,
        key.rpartition("/")[2],
        len(CONTENT),
        "video/mp4",
    )
    assert media.uploaded_by == "token editor program"
    assert editor.post(UPLOAD, json={"s3Key": key}).status_code == 202
    assert len(Media.objects) == len(TranscodeJob.objects) == 1


def test_two_who_name_the_same_file_at_once_mean_one_video(
    app: Flask, clean: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    Media.ensure_indexes()
    get_storage().put_bytes("videos/film.mp4", CONTENT)
    both, found = threading.Barrier(2), []
    real = stored_source._check

    def together(key: str) -> None:
        both.wait(timeout=60)
        real(key)

    monkeypatch.setattr(stored_source, "_check", together)

    def name_it() -> None:
        found.append(stored_source.media_of("videos/film.mp4", who="a test").media_id)

    threads = [threading.Thread(target=name_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [Media.objects.get().media_id] * 2


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("videos/nothing.mp4", "no file"),
        ("videos/empty.mp4", "empty"),
        ("/videos/film.mp4", "not the key"),
        ("videos/../hls/film.mp4", "not the key"),
        ("videos//film.mp4", "not the key"),
        ("videos/fi\nlm.mp4", "not the key"),
        ("https://example.com/film.mp4", "not the key"),
        ("hls/x/master.m3u8", "made here"),
        ("work/x/plan.json", "made here"),
        ("sources/film.mp4", "imports lie below videos/"),
        (f"sources/{UNKNOWN}/film.mp4", "imports lie below videos/"),
        ("backups/users.json", "imports lie below videos/"),
        ("videos", "imports lie below videos/"),
        ("x" * 1025, "at most 1024"),
        (["videos/film.mp4"], "string"),
    ],
)
def test_a_key_that_cannot_be_a_source_is_422(
    editor: FlaskClient, key: object, sentence: str
) -> None:
    get_storage().put_bytes("videos/empty.mp4", b"")
    get_storage().put_bytes("hls/x/master.m3u8", b"x")
    assert sentence in assert_problem(editor.post(UPLOAD, json={"s3Key": key}), 422)
    assert len(Media.objects) == 0


def test_a_file_beside_another_videos_source_is_422(editor: FlaskClient) -> None:
    video = uploaded(editor)
    key = f"sources/{video['id']}/another.mp4"
    get_storage().put_bytes(key, CONTENT)
    refused = editor.post(UPLOAD, json={"s3Key": key})
    assert "imports lie below videos/" in assert_problem(refused, 422)


def test_nothing_but_an_uploaded_source_is_served_as_a_modules_video(editor: FlaskClient) -> None:
    get_storage().put_bytes("videos/film.mp4", CONTENT, "video/mp4")
    named = editor.post(UPLOAD, json={"s3Key": "videos/film.mp4"}).get_json()["videoId"]
    for video, status in ((named, 404), (uploaded(editor)["id"], 200)):
        made = editor.post("/api/modules", json={"videoId": video}).get_json()
        answer = editor.get(f"/api/modules/{made['moduleId']}/video")
        assert answer.status_code == status, answer.text


def test_a_job_is_told_in_four_words(
    editor: FlaskClient, as_program: Callable[[str], FlaskClient]
) -> None:
    job_id = queued(editor)
    viewer = as_program("viewer")
    lifecycle.activate(job_id)
    lifecycle.update_job(job_id, {"progress": 45.7})
    assert state(viewer, job_id) == {"jobId": job_id, "status": "processing", "progress": 45}
    media = Media.objects.get()
    keys = publish({"id": media.media_id})
    lifecycle.complete_job(job_id, {})
    body = state(viewer, job_id)
    url = body.pop("hlsStreamUrl")
    assert body.pop("playable")["complete"]
    assert body == {"jobId": job_id, "status": "completed", "progress": 100}
    assert url.endswith(keys["master"])
    get_storage().put_bytes(keys["master"], b"#EXTM3U\n")
    # A player has no token.
    assert viewer.application.test_client().get(url).data == b"#EXTM3U\n"
    Media.objects.update(unset__master_key=True)  # its stream was deleted
    assert state(viewer, job_id) == {"jobId": job_id, "status": "completed", "progress": 100}


@pytest.mark.parametrize(
    ("how", "sentence"), [("failed", "This is no video."), ("cancelled", "Cancelled at ")]
)
def test_what_failed_says_why_and_is_retried(editor: FlaskClient, how: str, sentence: str) -> None:
    job_id = queued(editor)
    finish(Media.objects.get().media_id, how)
    body = state(editor, job_id)
    assert set(body) == {"jobId", "status", "progress", "error"}
    assert body["status"] == "failed"
    assert body["error"].startswith(sentence)
    answer = editor.post(f"/api/upload/v1/retry/{job_id}")
    assert answer.status_code == 202
    assert answer.get_json() == {
        "message": "Queued again!",
        "jobId": job_id,
        "status": "queued",
        "checkStatus": f"GET /api/upload/v1/status/{job_id}",
    }
    assert state(editor, job_id)["status"] == "queued"
    entry = AuditEntry.objects(action="retry").get()
    assert (entry.target, entry.who, entry.result) == (job_id, "token editor program", "done")


@pytest.mark.parametrize(
    ("before", "word"),
    [
        (lambda _: None, "queued"),
        (lifecycle.activate, "processing"),
        (lambda job_id: lifecycle.activate(job_id) and lifecycle.complete_job(job_id, {}),
         "completed"),
    ],
)  # fmt: skip
def test_only_what_failed_is_retried(
    editor: FlaskClient, before: Callable[[str], object], word: str
) -> None:
    job_id = queued(editor)
    before(job_id)
    refused = editor.post(f"/api/upload/v1/retry/{job_id}")
    expected = f"This job is {word}: only a failed one is retried."
    assert assert_problem(refused, 409) == expected
    assert AuditEntry.objects(action="retry").get().result == "refused"


def test_an_unknown_job_is_404(editor: FlaskClient) -> None:
    for answer in (
        editor.get(f"/api/upload/v1/status/{UNKNOWN}"),
        editor.post(f"/api/upload/v1/retry/{UNKNOWN}"),
        editor.get("/api/upload/v1/status/%24ne"),
    ):
        assert "no job" in assert_problem(answer, 404)


def test_a_retry_with_a_key_is_done_once(editor: FlaskClient) -> None:
    job_id = queued(editor)
    finish(Media.objects.get().media_id, "failed")
    answers = [
        editor.post(f"/api/upload/v1/retry/{job_id}", headers={"Idempotency-Key": "1"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].data == answers[1].data
    assert len(AuditEntry.objects(action="retry")) == 1
