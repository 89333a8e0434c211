"""The document on asynchronous encoding with CloudWatch logging, from top to bottom."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.seeds.conftest import LOG_GROUP, Installation, shipped

CLOUDWATCH = True
MILLISECONDS_Z = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def video(installation: Installation, film: Path) -> dict[str, Any]:
    """1. Upload video."""
    with film.open("rb") as file:
        answer = installation.ask(
            "POST /api/upload/video", files={"video": (film.name, file, "video/mp4")}
        )
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.fixture(scope="module")
def started(installation: Installation, video: dict[str, Any]) -> dict[str, Any]:
    """2. Start encoding: answered at once, since there is no worker who could have done it."""
    assert installation.get("/v1/studio/workers") == {"workers": []}
    answer = installation.ask(
        f"POST /api/upload/convert-to-hls/{video['video']['id']}",
        json={"s3Key": video["video"]["s3Key"]},
    )
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.fixture(scope="module")
def way(installation: Installation, started: dict[str, Any]) -> list[dict[str, Any]]:
    """3. Check encoding status, until it is over."""
    path = f"/api/upload/status/{started['videoId']}"
    assert installation.get(path)["status"] == "processing"
    installation.start_worker()
    return installation.follow(path, lambda body: body["status"] != "processing")


def test_upload_video(video: dict[str, Any]) -> None:
    video_id, key = video["video"]["id"], video["video"]["s3Key"]
    assert video == {
        "message": "Video uploaded successfully",
        "video": {"id": video_id, "filename": key, "s3Key": key},
        "nextSteps": {
            "convertToHls": f"POST /api/upload/convert-to-hls/{video_id}",
            "body": {"s3Key": key},
        },
    }


def test_start_encoding(started: dict[str, Any], video: dict[str, Any]) -> None:
    video_id = video["video"]["id"]
    assert started == {
        "message": "Video encoding started successfully",
        "videoId": video_id,
        "status": "processing",
        "monitorProgress": f"GET /api/upload/status/{video_id}",
        "cloudWatchLogs": f"Check CloudWatch logs for video-{video_id} stream",
    }


def test_still_being_encoded(installation: Installation, started: dict[str, Any]) -> None:
    """5. Streaming URLs, if still processing; and 4., a job in the list of all."""
    video_id = started["videoId"]
    assert installation.get(f"/api/upload/streaming/{video_id}") == {
        "message": "Video is still being encoded",
        "videoId": video_id,
        "status": "processing",
        "progress": 0,
        "checkStatus": f"GET /api/upload/status/{video_id}",
    }
    listed = installation.get("/api/upload/jobs")
    assert listed["totalJobs"] == 1
    assert {k: listed["jobs"][0][k] for k in ("videoId", "status", "progress")} == {
        "videoId": video_id,
        "status": "processing",
        "progress": 0,
    }


def test_check_encoding_status(way: list[dict[str, Any]], started: dict[str, Any]) -> None:
    progress = [body["progress"] for body in way]
    assert progress == sorted(progress)
    assert any(0 < percent < 100 for percent in progress)
    for body in way[:-1]:
        assert set(body) <= {"videoId", "status", "progress", "startTime", "playable"}
    done = way[-1]
    assert set(done) == {
        *("videoId", "status", "progress", "startTime", "endTime", "streamingUrls", "playable"),
    }
    assert (done["videoId"], done["status"], done["progress"]) == (
        started["videoId"],
        "completed",
        100,
    )
    assert MILLISECONDS_Z.fullmatch(done["startTime"])
    assert MILLISECONDS_Z.fullmatch(done["endTime"])
    assert done["startTime"] < done["endTime"]
    stream = f"/hls/{started['videoId']}"
    assert done["streamingUrls"]["master"].endswith(f"{stream}/master.m3u8")
    qualities = done["streamingUrls"]["qualities"]
    for quality in ("360p", "720p"):
        # Each encoding has a folder of its own.
        assert re.search(rf"{stream}/[0-9a-f]{{12}}/{quality}/playlist\.m3u8$", qualities[quality])


def test_all_jobs(
    installation: Installation, way: list[dict[str, Any]], started: dict[str, Any]
) -> None:
    listed = installation.get("/api/upload/jobs")
    assert listed["totalJobs"] == len(listed["jobs"]) == 1
    expected = {k: v for k, v in way[-1].items() if k not in ("streamingUrls", "playable")}
    assert listed["jobs"] == [expected]


def test_streaming_urls_play(
    installation: Installation, way: list[dict[str, Any]], started: dict[str, Any]
) -> None:
    streaming = installation.get(f"/api/upload/streaming/{started['videoId']}")
    assert set(streaming) == {"videoId", "status", "streamingUrls"}
    for url in (
        streaming["streamingUrls"]["master"],
        *streaming["streamingUrls"]["qualities"].values(),
    ):
        playlist = installation.ask(f"GET {url.removeprefix(installation.url)}")
        assert playlist.text.startswith("#EXTM3U")


def test_cloudwatch_has_one_stream_per_video_and_entries_in_its_format(
    installation: Installation, way: list[dict[str, Any]], started: dict[str, Any]
) -> None:
    shipped()
    video_id = started["videoId"]
    assert installation.cloudwatch.streams(LOG_GROUP) == [f"video-{video_id}"]
    entries = installation.cloudwatch.entries(LOG_GROUP, f"video-{video_id}")
    for entry in entries:
        assert list(entry) == ["videoId", "message", "progress", "timestamp"]
        assert entry["videoId"] == video_id
        assert isinstance(entry["progress"], int)
        assert MILLISECONDS_Z.fullmatch(entry["timestamp"])
    times = [entry["timestamp"] for entry in entries]
    assert times == sorted(times)


def test_cloudwatch_has_the_stages_with_their_percentages(
    installation: Installation, way: list[dict[str, Any]], started: dict[str, Any]
) -> None:
    shipped()
    entries = installation.cloudwatch.entries(LOG_GROUP, f"video-{started['videoId']}")
    progress = [entry["progress"] for entry in entries]
    assert progress == sorted(progress)
    assert (entries[0]["message"], progress[0]) == ("Video encoding started", 0)
    assert (entries[-1]["message"], progress[-1]) == ("Video encoding completed successfully", 100)
    ranges = {
        "Video encoding started": (0, 0),
        "Downloading video from S3": (5, 10),
        # One ffmpeg makes all renditions at once, so they share the stretch from 10 to 70.
        "Converting to 360p": (10, 70),
        "Converting to 480p": (10, 70),
        "Converting to 720p": (10, 70),
        "Uploading HLS files to S3": (70, 90),
        "Generating master playlist": (90, 100),
        "Video encoding completed successfully": (100, 100),
    }
    assert {entry["message"] for entry in entries} <= set(ranges)
    for entry in entries:
        low, high = ranges[entry["message"]]
        assert low <= entry["progress"] <= high, entry
    assert ("Generating master playlist", 90) in [(e["message"], e["progress"]) for e in entries]
    assert sum(entry["message"] == "Converting to 720p" for entry in entries) > 1


def test_a_failure_is_told_everywhere(installation: Installation, way: list[Any]) -> None:
    video = installation.ask(
        "POST /api/upload/video", files={"video": ("broken.mp4", b"no film", "video/mp4")}
    ).json()["video"]
    installation.ask(
        f"POST /api/upload/convert-to-hls/{video['id']}", json={"s3Key": video["s3Key"]}
    )
    path = f"/api/upload/status/{video['id']}"
    failed = installation.follow(path, lambda body: body["status"] == "failed")[-1]
    assert set(failed) == {"videoId", "status", "progress", "startTime", "endTime", "error"}
    shipped()
    last = installation.cloudwatch.entries(LOG_GROUP, f"video-{video['id']}")[-1]
    assert last["message"] == f"Video encoding failed: {failed['error']}"


def test_the_variables_that_it_names_are_settings() -> None:
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    for name in (
        *("CLOUDWATCH_LOG_GROUP", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"),
        "AWS_S3_BUCKET",
    ):
        assert f"`{name}`" in page


def test_the_rights_that_it_names_are_in_our_policy() -> None:
    page = (DOCS / "cloudwatch.md").read_text(encoding="utf-8")
    block = next(b for b in re.findall(r"```json\n(.*?)```", page, re.DOTALL) if "Statement" in b)
    allowed = {action for s in json.loads(block)["Statement"] for action in s["Action"]}
    assert allowed >= {
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "logs:DescribeLogStreams",
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject",
    }
