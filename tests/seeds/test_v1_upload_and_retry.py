"""The document on the V1 API, from top to bottom: one call in, a job out, asked and retried."""

from pathlib import Path
from typing import Any

import pytest

from tasks.infra.storage import get_storage
from tasks.models import Status, Step, TranscodeJob
from tests.seeds.conftest import Installation


@pytest.fixture(scope="module")
def queued(installation: Installation, film: Path) -> dict[str, Any]:
    """The answer to an upload, given while nobody is there who could work on it."""
    with film.open("rb") as file:
        answer = installation.ask(
            "POST /api/upload/v1/upload", files={"video": (film.name, file, "video/mp4")}
        )
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    return body


def status_of(job: dict[str, Any]) -> str:
    return f"/api/upload/v1/status/{job['jobId']}"


def test_no_file_is_400_with_an_error(installation: Installation) -> None:
    nothing: list[dict[str, Any]] = [{}, {"json": {}}, {"files": {"other": (None, "text")}}]
    for options in nothing:
        answer = installation.ask("POST /api/upload/v1/upload", **options)
        assert answer.status_code == 400
        assert "file" in answer.json()["error"]


def test_an_upload_makes_a_job_and_puts_it_into_the_queue(
    installation: Installation, queued: dict[str, Any]
) -> None:
    assert queued["message"] == "Queued!"
    job = TranscodeJob.objects.get(job_id=queued["jobId"])  # in MongoDB
    assert (job.filename, job.status) == ("tides.mp4", Status.waiting)
    first = Step.objects.get(transcode_id=job.job_id)
    assert first.message_id is not None  # and in Redis
    queues = installation.get("/v1/studio/queues")["queues"]
    assert {q["name"]: q["waiting"] for q in queues}[first.queue_name] == 1


def test_the_answer_waits_for_no_encoding(
    installation: Installation, queued: dict[str, Any]
) -> None:
    # 202: there is no worker at all, so that nothing can have been done.
    assert installation.get("/v1/studio/workers") == {"workers": []}
    assert installation.get(status_of(queued)) == {
        "jobId": queued["jobId"],
        "status": "queued",
        "progress": 0,
    }


def test_a_user_is_told_how_far_it_is_until_the_stream_is_there(
    installation: Installation, queued: dict[str, Any]
) -> None:
    installation.start_worker()
    seen = installation.follow(
        status_of(queued), lambda body: body["status"] in ("completed", "failed")
    )
    words = [body["status"] for body in seen]
    assert words == sorted(words, key=["queued", "processing", "completed"].index)
    assert set(words) >= {"processing", "completed"}
    progress = [body["progress"] for body in seen]
    assert progress == sorted(progress)
    assert (progress[-1], max(progress[:-1]) < 100) == (100, True)
    assert all("hlsStreamUrl" not in body for body in seen[:-1])
    # Where it is, a player finds a stream, without a token.
    master = installation.ask(
        f"GET {seen[-1]['hlsStreamUrl'].removeprefix(installation.url)}",
        headers={"Authorization": ""},
    )
    assert master.status_code == 200
    assert master.text.startswith("#EXTM3U")
    assert "720p/playlist.m3u8" in master.text


def test_what_is_no_film_fails_and_may_be_tried_again(installation: Installation) -> None:
    answer = installation.ask(
        "POST /api/upload/v1/upload", files={"video": ("broken.mp4", b"no film", "video/mp4")}
    )
    job = answer.json()
    path = f"POST /api/upload/v1/retry/{job['jobId']}"
    failed = installation.follow(status_of(job), lambda body: body["status"] == "failed")[-1]
    assert failed["error"]
    assert "hlsStreamUrl" not in failed
    attempt = TranscodeJob.objects.get(job_id=job["jobId"]).attempt
    again = installation.ask(path)
    assert (again.status_code, again.json()["status"]) == (202, "queued")
    tried = TranscodeJob.objects(job_id=job["jobId"], attempt=attempt + 1, status="failed")
    installation.follow(status_of(job), lambda _: tried.first())


def test_what_has_not_failed_is_not_retried(
    installation: Installation, queued: dict[str, Any]
) -> None:
    answer = installation.ask(f"POST /api/upload/v1/retry/{queued['jobId']}")
    assert answer.status_code == 409
    assert answer.json()["error"] == "This job is completed: only a failed one is retried."
    assert installation.ask("POST /api/upload/v1/retry/nothing").status_code == 404


def test_a_file_that_is_in_s3_already_is_named_by_its_key(
    installation: Installation, film: Path
) -> None:
    get_storage().put_file("videos/1234567890-tides.mp4", film, "video/mp4")
    asked = {"json": {"s3Key": "videos/1234567890-tides.mp4"}}
    key = {"Idempotency-Key": "tides"}
    answers = [
        installation.ask("POST /api/upload/v1/upload", headers=key, **asked) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    job = answers[0].json()
    seen = installation.follow(status_of(job), lambda body: "hlsStreamUrl" in body)
    assert seen[-1]["status"] == "completed"
