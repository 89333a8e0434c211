"""The document on background video processing, walked from top to bottom.

Real servers and processes, one short encode for all of it. What a browser does with the element is
in `tests/e2e/test_embedding.py`.
"""

import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tasks.infra.database import connect
from tasks.media.tools import find_tools
from tasks.migrations import indexes
from tests.media.clips import numbered_clip
from tests.recovery.paced import FAST
from tests.recovery.processes import Dailies
from tests.recovery.waiting import answers, until
from tests.servers import Servers
from webapp import models as people
from webapp.auth import api_tokens
from webapp.cli.up.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
BODY = {"mediaId", "status", "fileName", "jobId", "jobState", "progress", "manifestUrl"}
BODY |= {"thumbnails"}


class Client:
    """A program with a token; paths are those of the seed."""

    def __init__(self, url: str, role: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.headers["Authorization"] = (
            f"Bearer {api_tokens.issue(f'{role} of the seed', role)}"
        )

    def get(self, path: str, **query: str) -> Any:
        answer = self._session.get(self._url + path, params=query, timeout=60)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json() if "json" in answer.headers["Content-Type"] else answer.text

    def post(self, path: str, status: int, **options: Any) -> Any:
        answer = self._session.post(self._url + path, timeout=60, **options)
        assert answer.status_code == status, (path, answer.text)
        return answer.json()

    def upload(self, name: str, data: bytes) -> dict[str, str]:
        """The video as the upload answers it, stored and not encoded."""
        files = {"video": (name, data, "video/mp4")}
        video: dict[str, str] = self.post("/api/upload/video", 201, files=files)["video"]
        return video

    def encode(self, video: dict[str, str]) -> None:
        """Queues the encoding."""
        path = f"/api/upload/convert-to-hls/{video['id']}"
        self.post(path, 202, json={"s3Key": video["s3Key"]})

    def media(self, media_id: str) -> Any:
        """What the seed's endpoint says of a media."""
        return self.get("/api/admin/media/jobs", mediaId=media_id)


@pytest.fixture
def dailies(clean: Servers, tmp_path: Path) -> Iterator[tuple[Dailies, str]]:
    """Dailies with a web process that answers, and its address."""
    connect()
    indexes.ensure()
    people.ensure_indexes()
    tools = find_tools(None, None)
    port = free_port()
    running = Dailies(clean, tmp_path, str(failing(tools.ffmpeg, tmp_path)), {"PORT": str(port)})
    running.start("web")
    url = f"http://127.0.0.1:{port}"

    until(lambda: answers(f"{url}/healthz"), "an answer of the web process")
    yield running, url
    running.close()
    log = (tmp_path / "web.log").read_text(errors="replace")
    assert "Traceback" not in log, log


def failing(ffmpeg: str, folder: Path) -> Path:
    """An ffmpeg whose encodings fail, saying why, until a file ``mended`` lies beside it."""
    script, mended = folder / "failing-ffmpeg", folder / "mended"
    # It may write nothing there, but see what there is.
    script.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *hls_segment_type*) if [ ! -e "{mended}" ]; then\n'
        '  echo "the encoder fell over" >&2; exit 1; fi;; esac\n'
        f'exec "{ffmpeg}" "$@"\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script


def test_the_document(dailies: tuple[Dailies, str], clean: Servers, tmp_path: Path) -> None:
    running, url = dailies
    admin, editor, viewer = (Client(url, role) for role in ("admin", "editor", "viewer"))
    clip = numbered_clip(find_tools(None, None), tmp_path / "clip.mp4", frames=24, rate="12")
    data = clip.read_bytes()

    # Overview: "videos run in the background, users can continue working". UPLOADED comes first.
    video, second = editor.upload("video.mp4", data), editor.upload("second.mp4", data)
    broken = editor.upload("broken.mp4", b"no film at all\n" * 99)
    media_id = video["id"]
    uploaded = viewer.media(media_id)
    assert set(uploaded) >= BODY
    assert {name: uploaded[name] for name in BODY} == {
        "mediaId": media_id,
        "status": "UPLOADED",
        "fileName": "video.mp4",
        "jobId": None,
        "jobState": None,
        "progress": 0,
        "manifestUrl": None,
        "thumbnails": [],
    }

    # 2. Background job system: queued instead of blocking. No worker runs yet, and it is answered.
    for each in (video, second, broken):
        editor.encode(each)
    queued = viewer.media(media_id)
    assert (queued["status"], queued["jobState"]) == ("PROCESSING", "waiting")
    assert queued["jobId"]

    # 1. Dashboard API, and what it stands on: users, titles, media, jobs, storage, failures.
    dashboard = admin.get("/api/admin/dashboard")
    assert dashboard["media"] == {"total": 3, "ready": 0}
    assert dashboard["jobs"]["transcode"]["waiting"] == 3
    assert dashboard["storage"]["sources"] == 2 * len(data) + 15 * 99
    assert set(dashboard["users"]) == {"total", "admin", "editor", "viewer"}
    assert dashboard["titles"]["total"] == 0

    # Monitoring via Redis: what waits is there. Requirements: Redis runs, by REDIS_URL.
    kinds = [clean.redis_client.type(key) for key in clean.redis_client.keys("dramatiq:*")]
    assert "list" in kinds
    assert running.environment["REDIS_URL"] == clean.redis.url
    ready = requests.get(f"{url}/readyz", timeout=60).json()
    assert "redis" in str(ready).lower()

    # The component, as a partial: it shows the progress and asks again every three seconds.
    partial = viewer.get(f"/partials/media-status/{media_id}")
    assert 'hx-trigger="every 3s"' in partial
    assert "video.mp4" in partial

    # Starting the worker. Progress updates while it works, and it only ever rises.
    running.worker(pace=FAST, threads=2)
    told = clean.mongo_client.get_default_database()["transcode_job_log"]
    until(lambda: told.find_one({"level": "warning"}), "a failed attempt", 120)
    (tmp_path / "mended").touch()
    seen: list[tuple[str, int]] = []

    def over() -> Any:
        status = viewer.media(media_id)
        seen.append((status["status"], status["progress"]))
        return status if status["status"] in ("READY", "FAILED") else None

    done = until(over, "the end of the job", 120)
    assert done["status"] == "READY", done
    assert [word for word, _ in seen[:-1]] == ["PROCESSING"] * (len(seen) - 1)
    assert [percent for _, percent in seen] == sorted(percent for _, percent in seen)
    assert seen[-1] == ("READY", 100)

    # 3. The endpoint's body, ready to use.
    assert (done["jobState"], done["progress"]) == ("completed", 100)
    assert requests.get(done["manifestUrl"], timeout=60).text.startswith("#EXTM3U")
    (poster,) = done["thumbnails"]
    assert requests.get(poster, timeout=60).headers["Content-Type"] == "image/jpeg"

    # Benefits: resilient (the encoder fell over once), scalable (another went on meanwhile).
    until(lambda: viewer.media(second["id"])["status"] == "READY", "the second video", 120)
    states = until(both_over(viewer, media_id, second["id"]), "both jobs at rest", 60)
    began = [state["startedAt"] for state in states]
    ended = [state["finishedAt"] for state in states]
    assert max(began) < min(ended)

    # FAILED, with its reason: the hook's onError.
    failed = until(
        lambda: (found := viewer.media(broken["id"]))["status"] == "FAILED" and found,
        "the failure of what is no film",
        120,
    )
    assert failed["jobState"] == "failed"
    assert failed["error"].endswith(".")
    latest = admin.get("/api/admin/dashboard")["latestFailures"]
    assert failed["jobId"] in [failure["jobId"] for failure in latest]

    # Monitoring via database: the media, and TranscodeJobLog, also by API and on the job page.
    database = clean.mongo_client.get_default_database()
    row = database["media"].find_one({"media_id": media_id}) or {}
    assert row["master_key"]
    jobs = {viewer.media(each["id"])["jobId"] for each in (video, second)}
    warnings = list(database["transcode_job_log"].find({"level": "warning"}))
    assert warnings
    assert all(line["job_id"] in jobs for line in warnings)
    assert all("the encoder fell over" in str(line["detail"]) for line in warnings)
    log = viewer.get(f"/v1/studio/transcoding-jobs/{done['jobId']}/log")["lines"]
    messages = [line["message"] for line in log]
    assert messages[0].startswith("Asked for by")
    assert any(message.startswith("Ladder: ") for message in messages)
    assert messages[-1] == "Completed: the stream is in its place."
    assert "Ladder: " in viewer.get(f"/jobs/{done['jobId']}")

    # Usage: what is over does not ask again; the element is one file, and asks like the hook.
    assert "hx-trigger" not in viewer.get(f"/partials/media-status/{media_id}")
    script = requests.get(f"{url}/static/media-status.js", timeout=60).text
    assert "const POLL = 3000;" in script
    documented = (ROOT / "docs" / "embedding.md").read_text()
    for word in ("onComplete", "onError", "pollInterval", "enabled", "refetch", "isLoading"):
        assert f"`{word}`" in documented, word

    # Troubleshooting: stuck or failed, it is retried, or deleted and uploaded again.
    path = f"/v1/studio/transcoding-jobs/{failed['jobId']}"
    editor.post(f"{path}/retry", 200)
    until(lambda: viewer.media(broken["id"])["status"] == "FAILED", "the second failure", 120)


def both_over(client: Client, *media_ids: str) -> Callable[[], list[Any] | None]:
    """Waits until the newest jobs of the media are completed, and gives them."""

    def look() -> list[Any] | None:
        jobs = [
            client.get(f"/v1/studio/transcoding-jobs/{client.media(media_id)['jobId']}")
            for media_id in media_ids
        ]
        return jobs if all(job["status"] == "completed" for job in jobs) else None

    return look
