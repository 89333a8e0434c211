"""``/api/upload`` in the shapes that its clients know."""

import io
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tasks.errors import BadInput
from tasks.feed import events
from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.models import Media, TranscodeJob
from tasks.settings import get_settings
from tests.servers import Servers
from tests.webapp.test_errors import assert_problem

MILLISECONDS_Z = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UNKNOWN = "00000000-0000-4000-8000-000000000000"
CONTENT = bytes(range(256)) * 100


def upload(
    client: FlaskClient,
    content: bytes = CONTENT,
    name: str = "My Film (1).mp4",
    **fields: str,
) -> TestResponse:
    data = {**fields, "video": (io.BytesIO(content), name, "video/mp4")}
    return client.post("/api/upload/video", data=data, content_type="multipart/form-data")


def uploaded(client: FlaskClient, **options: Any) -> dict[str, str]:
    answer = upload(client, **options)
    assert answer.status_code == 201, answer.text
    video: dict[str, str] = answer.get_json()["video"]
    return video


def convert(client: FlaskClient, video: dict[str, str], **more: object) -> TestResponse:
    body = {"s3Key": video["s3Key"], **more}
    return client.post(f"/api/upload/convert-to-hls/{video['id']}", json=body)


def finish(video_id: str, status: str, **fields: object) -> None:
    """Brings a job where the pipeline would bring it."""
    job = TranscodeJob.objects.get(media_id=video_id)
    if status == "completed":
        lifecycle.activate(job.job_id)
        lifecycle.complete_job(job.job_id, fields)
    elif status == "failed":
        lifecycle.activate(job.job_id)
        lifecycle.fail_jobs({job.job_id: BadInput("This is no video.")})
    else:
        lifecycle.cancel(TranscodeJob, job.job_id, "ada@example.com")


def test_an_upload_is_stored_and_answered_as_documented(editor: FlaskClient) -> None:
    before = events.last_id()
    answer = upload(editor)
    assert answer.status_code == 201
    body = answer.get_json()
    video_id = body["video"]["id"]
    key = f"sources/{video_id}/My-Film-1.mp4"
    assert body == {
        "message": "Video uploaded successfully",
        "video": {"id": video_id, "filename": key, "s3Key": key},
        "nextSteps": {
            "convertToHls": f"POST /api/upload/convert-to-hls/{video_id}",
            "body": {"s3Key": key},
        },
    }
    assert answer.headers["Location"] == f"/api/upload/status/{video_id}"
    assert get_storage().get_bytes(key) == CONTENT
    media = Media.objects.get(media_id=video_id)
    assert media.filename == "My Film (1).mp4"
    assert (media.size, media.content_type) == (len(CONTENT), "video/mp4")
    assert media.uploaded_by == "token editor program"
    told = events.tail(before, 1000)
    assert [(event.name, event.data["mediaId"]) for event in told] == [("mediaChanged", video_id)]


def test_an_upload_can_say_which_title_it_belongs_to(editor: FlaskClient) -> None:
    title = editor.post("/api/titles", json={"kind": "film", "name": "Tides"}).get_json()
    video = uploaded(editor, titleId=title["id"])
    assert Media.objects.get(media_id=video["id"]).title_id == title["id"]
    refused = upload(editor, titleId=UNKNOWN)
    assert "no such title" in assert_problem(refused, 422)
    assert len(get_storage().list("sources/")) == 1


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({}, "no file in the field"),
        ({"other": "x"}, "no file in the field"),
        ({"video": "text"}, "no file in the field"),
        ({"video": (io.BytesIO(), "a.mp4")}, "The file is empty"),
        ({"file": (io.BytesIO(b"x"), "a.mp4")}, "not “file”"),
    ],
)
def test_no_file_is_400_and_says_what_is_missing(
    editor: FlaskClient, data: dict[str, Any], sentence: str
) -> None:
    # Werkzeug's client sends no multipart body at all for no fields.
    boundary = b"--x--\r\n" if not data else None
    answer = editor.post(
        "/api/upload/video",
        data=boundary if boundary else data,
        content_type=f"multipart/form-data{'; boundary=x' if boundary else ''}",
    )
    assert sentence in assert_problem(answer, 400)
    assert len(Media.objects) == 0
    assert get_storage().list("sources/") == {}


def test_a_form_sent_without_choosing_a_file_is_400(editor: FlaskClient) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="video"; filename=""\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\r\n--x--\r\n"
    )
    answer = editor.post(
        "/api/upload/video", data=body, content_type="multipart/form-data; boundary=x"
    )
    assert "No file was chosen" in assert_problem(answer, 400)


def test_two_files_at_once_are_400(editor: FlaskClient) -> None:
    files = [(io.BytesIO(b"one"), "1.mp4"), (io.BytesIO(b"two"), "2.mp4")]
    answer = editor.post(
        "/api/upload/video", data={"video": files}, content_type="multipart/form-data"
    )
    assert "one file at a time" in assert_problem(answer, 400)
    assert get_storage().list("sources/") == {}


def test_what_is_not_multipart_is_415(editor: FlaskClient) -> None:
    assert_problem(editor.post("/api/upload/video", json={"video": "x"}), 415)
    assert_problem(editor.post("/api/upload/video", data=b"x", content_type="video/mp4"), 415)


@pytest.mark.parametrize("known_before", [True, False])
def test_too_large_is_413_and_leaves_nothing(
    editor: FlaskClient, monkeypatch: pytest.MonkeyPatch, known_before: bool
) -> None:
    monkeypatch.setenv("DAILIES_MAX_UPLOAD_BYTES", "1000")
    get_settings.cache_clear()
    try:
        # Beyond the limit and what the envelope may take, the length alone tells.
        size = 2 * 1024**2 if known_before else 1001
        assert "1,000 bytes" in assert_problem(upload(editor, bytes(size)), 413)
        assert upload(editor, bytes(1000)).status_code == 201
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
    assert len(get_storage().list("sources/")) == len(Media.objects) == 1


def test_the_database_away_at_the_end_leaves_no_file(
    clean: Servers, editor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The same id twice is what the database itself refuses here.
    monkeypatch.setattr("webapp.intake.accept.uuid.uuid4", lambda: UNKNOWN)
    Media.ensure_indexes()
    uploaded(editor, name="first.mp4")
    assert upload(editor, name="second.mp4").status_code == 500
    assert [*get_storage().list("sources/")] == [f"sources/{UNKNOWN}/first.mp4"]


def test_converting_is_accepted_at_once_as_documented(editor: FlaskClient) -> None:
    video = uploaded(editor)
    answer = convert(editor, video, clientId="client 1")
    assert answer.status_code == 202
    body = answer.get_json()
    assert "CloudWatch" in body.pop("cloudWatchLogs")
    assert body == {
        "message": "Video encoding started successfully",
        "videoId": video["id"],
        "status": "processing",
        "monitorProgress": f"GET /api/upload/status/{video['id']}",
    }
    job = TranscodeJob.objects.get(media_id=video["id"])
    assert (job.created_by, job.client_id) == ("token editor program", "client 1")
    assert job.name == "My Film (1).mp4"


def test_converting_twice_is_one_job(editor: FlaskClient) -> None:
    video = uploaded(editor)
    assert [convert(editor, video).status_code for _ in range(3)] == [202] * 3
    assert len(TranscodeJob.objects) == 1


def test_converting_works_with_redis_away(clean: Servers, editor: FlaskClient) -> None:
    video = uploaded(editor)
    clean.redis.kill()
    assert convert(editor, video).status_code == 202
    assert TranscodeJob.objects.get(media_id=video["id"]).status == "waiting"
    # A ticket could not be kept, and there is nothing to listen to.
    refused = editor.post("/api/feed-tickets")
    assert_problem(refused, 503)
    assert refused.headers["Retry-After"]


def test_what_converting_refuses(editor: FlaskClient) -> None:
    video, other = uploaded(editor), uploaded(editor)
    path = f"/api/upload/convert-to-hls/{video['id']}"
    assert_problem(editor.post(path, data="s3Key=x"), 415)
    assert_problem(editor.post(path, data="{", content_type="application/json"), 400)
    assert_problem(editor.post(path, json=[]), 400)
    assert "s3Key" in assert_problem(editor.post(path, json={}), 422).replace("S3key", "s3Key")
    assert_problem(editor.post(path, json={"s3Key": 7}), 422)
    assert_problem(convert(editor, {**video, "s3Key": other["s3Key"]}), 422)
    assert_problem(convert(editor, {**video, "s3Key": "sources/../x"}), 422)
    assert_problem(convert(editor, {**video, "id": UNKNOWN}), 404)
    assert len(TranscodeJob.objects) == 0


@pytest.mark.parametrize("route", ["status", "streaming"])
def test_an_unknown_video_is_404(editor: FlaskClient, route: str) -> None:
    for video_id in (UNKNOWN, "x", UNKNOWN.upper()):
        assert_problem(editor.get(f"/api/upload/{route}/{video_id}"), 404)


def state(client: FlaskClient, video: dict[str, str], route: str = "status") -> dict[str, Any]:
    answer = client.get(f"/api/upload/{route}/{video['id']}")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.get_json()
    return body


def test_uploaded_but_not_converted(editor: FlaskClient) -> None:
    video = uploaded(editor)
    assert state(editor, video) == {
        "videoId": video["id"],
        "status": "uploaded",
        "progress": 0,
    }
    streaming = state(editor, video, "streaming")
    assert (streaming["status"], streaming["progress"]) == ("uploaded", 0)


def test_processing(editor: FlaskClient) -> None:
    video = uploaded(editor)
    convert(editor, video)
    lifecycle.update_job(TranscodeJob.objects.get().job_id, {"progress": 45.7})
    body = state(editor, video)
    assert MILLISECONDS_Z.fullmatch(body.pop("startTime"))
    assert body == {"videoId": video["id"], "status": "processing", "progress": 45}
    assert state(editor, video, "streaming") == {
        "message": "Video is still being encoded",
        "videoId": video["id"],
        "status": "processing",
        "progress": 45,
        "checkStatus": f"GET /api/upload/status/{video['id']}",
    }


def test_hundred_percent_is_said_of_what_is_completed_only(editor: FlaskClient) -> None:
    video = uploaded(editor)
    convert(editor, video)
    lifecycle.update_job(TranscodeJob.objects.get().job_id, {"progress": 99.99})
    assert state(editor, video)["progress"] == 99
    lifecycle.update_job(TranscodeJob.objects.get().job_id, {"progress": 100.0})
    assert state(editor, video)["progress"] == 99


def publish(video: dict[str, str]) -> dict[str, str]:
    """The media as it is when a job is completed; returns the keys."""
    stream = f"hls/{video['id']}"
    keys = {name: f"{stream}/{name}/playlist.m3u8" for name in ("360p", "720p")}
    Media.objects(media_id=video["id"]).update_one(
        set__master_key=f"{stream}/master.m3u8", set__renditions=keys
    )
    return {"master": f"{stream}/master.m3u8", **keys}


def test_completed(editor: FlaskClient, as_person: Callable[[str], FlaskClient]) -> None:
    video = uploaded(editor)
    convert(editor, video)
    keys = publish(video)
    finish(video["id"], "completed")
    body = state(as_person("viewer"), video)
    assert MILLISECONDS_Z.fullmatch(body.pop("startTime"))
    assert MILLISECONDS_Z.fullmatch(body.pop("endTime"))
    urls = {
        "master": f"http://localhost/media/{keys['master']}",
        "qualities": {
            "360p": f"http://localhost/media/{keys['360p']}",
            "720p": f"http://localhost/media/{keys['720p']}",
        },
    }
    playable = body.pop("playable")
    assert (playable["url"], playable["complete"]) == (urls["master"], True)
    assert body == {
        "videoId": video["id"],
        "status": "completed",
        "progress": 100,
        "streamingUrls": urls,
    }
    person = as_person("editor")
    assert state(person, video, "streaming") == {
        "videoId": video["id"],
        "status": "completed",
        "streamingUrls": urls,
    }


def test_a_programs_urls_play_without_its_token(app: Flask, editor: FlaskClient) -> None:
    video = uploaded(editor)
    convert(editor, video)
    keys = publish(video)
    finish(video["id"], "completed")
    get_storage().put_bytes(keys["master"], b"#EXTM3U\n")
    url = state(editor, video)["streamingUrls"]["master"]
    assert url.endswith(keys["master"])
    assert app.test_client().get(url).data == b"#EXTM3U\n"


def test_a_cdn_gives_the_urls(editor: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    video = uploaded(editor)
    convert(editor, video)
    keys = publish(video)
    finish(video["id"], "completed")
    monkeypatch.setenv("MEDIA_BASE_URL", "https://cdn.example/b/")
    get_settings.cache_clear()
    try:
        urls = state(editor, video)["streamingUrls"]
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
    assert urls["master"] == f"https://cdn.example/b/{keys['master']}"


@pytest.mark.parametrize(
    ("how", "sentence"), [("failed", "This is no video."), ("cancelled", "Cancelled at ")]
)
def test_failed(editor: FlaskClient, how: str, sentence: str) -> None:
    video = uploaded(editor)
    convert(editor, video)
    finish(video["id"], how)
    body = state(editor, video)
    assert body["error"].startswith(sentence)
    assert MILLISECONDS_Z.fullmatch(body["endTime"])
    assert set(body) == {"videoId", "status", "progress", "startTime", "endTime", "error"}
    assert body["status"] == "failed"
    streaming = state(editor, video, "streaming")
    assert (streaming["status"], streaming["error"]) == ("failed", body["error"])
    assert "streamingUrls" not in streaming


def test_the_list_of_jobs_is_newest_first_and_bounded(editor: FlaskClient) -> None:
    assert editor.get("/api/upload/jobs").get_json() == {"totalJobs": 0, "jobs": []}
    videos = [uploaded(editor) for _ in range(3)]
    for video in videos:
        convert(editor, video)
    finish(videos[0]["id"], "completed")
    body = editor.get("/api/upload/jobs").get_json()
    assert body["totalJobs"] == 3
    assert [job["videoId"] for job in body["jobs"]] == [v["id"] for v in reversed(videos)]
    assert set(body["jobs"][0]) == {"videoId", "status", "progress", "startTime"}
    assert set(body["jobs"][2]) == {"videoId", "status", "progress", "startTime", "endTime"}
    two = editor.get("/api/upload/jobs?limit=2").get_json()
    assert (two["totalJobs"], len(two["jobs"])) == (3, 2)
    for wrong in ("0", "1001", "x"):
        assert_problem(editor.get(f"/api/upload/jobs?limit={wrong}"), 422)


def test_a_retried_video_is_told_by_its_latest_job(editor: FlaskClient) -> None:
    video = uploaded(editor)
    convert(editor, video)
    finish(video["id"], "failed")
    convert(editor, video)
    assert state(editor, video)["status"] == "processing"
    newest = TranscodeJob.objects.order_by("-created_at").first()
    assert newest.created_at <= datetime.now(UTC)
    assert len(TranscodeJob.objects) == 2
