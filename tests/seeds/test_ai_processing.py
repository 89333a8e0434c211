"""The document on asynchronous AI processing, from top to bottom: an upload that waits for nothing,
a module made in the background, and a screen that tells how far it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.feed import events
from tasks.media.tools import Tools
from tasks.models import Status, TrainingModule
from tests.analysis.clips import training_clip
from tests.analysis.endpoint import Endpoint, Reply, chat, serving, transcription
from tests.recovery.waiting import until
from tests.seeds.conftest import Installation

#: The document's milestones.
MILESTONES = [
    (10, "Starting AI analysis"),
    (30, "AI analysis complete"),
    (60, "Step extraction"),
    (90, "AI enhancement"),
    (100, "Finalizing module"),
]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """The AI service: busy at first, and it refuses to write."""
    with serving() as endpoint:
        busy = Reply({}, 503, {"Retry-After": "0"})
        endpoint.answers("audio/transcriptions", busy, transcription())
        endpoint.answers("chat/completions", chat(None, refusal="I would rather not."))
        yield endpoint


@pytest.fixture(scope="module")
def clip(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_clip(tools, tmp_path_factory.mktemp("clip") / "clean_hands.mp4")


def send(installation: Installation, name: str, data: bytes, to: str = "module") -> Any:
    return installation.ask(f"POST /api/upload/{to}", files={"video": (name, data, "video/mp4")})


@pytest.fixture(scope="module")
def uploaded(installation: Installation, endpoint: Endpoint, clip: Path) -> list[dict[str, Any]]:
    """Two modules, asked for while nobody is there who could work on them."""
    installation.dailies.environment |= {
        "DAILIES_ANALYSIS_PROVIDER": "openai",
        "OPENAI_BASE_URL": endpoint.url,
    }
    answers = [send(installation, "clean_hands.mp4", clip.read_bytes()) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    return [answer.json() for answer in answers]


def status(installation: Installation, module_id: str) -> dict[str, Any]:
    return installation.get(f"/api/upload/status/{module_id}")


def test_the_answer_waits_for_no_ai(
    installation: Installation, uploaded: list[dict[str, Any]]
) -> None:
    # There is no worker at all, so nothing can have been done for the answer; and several may
    # be uploaded while the first waits.
    assert installation.get("/v1/studio/workers") == {"workers": []}
    for said in uploaded:
        assert said["status"] == "processing"
        told = status(installation, said["moduleId"])
        assert (told["moduleId"], told["status"], told["progress"]) == (
            said["moduleId"],
            "processing",
            0,
        )
    assert len({said["moduleId"] for said in uploaded}) == 2


def test_the_job_is_in_the_queue_process_video(
    installation: Installation, uploaded: list[dict[str, Any]]
) -> None:
    queues = installation.get("/v1/studio/queues")["queues"]
    assert {queue["name"]: queue["waiting"] for queue in queues}["process-video"] == 2


def test_an_upload_is_accepted_while_redis_is_away(
    installation: Installation, uploaded: list[dict[str, Any]]
) -> None:
    installation.servers.redis.stop()
    said = send(installation, "notes.mp4", b"not a film\n" * 99)
    installation.servers.redis.start()
    assert said.status_code == 201, said.text
    uploaded.append(said.json())


def test_progress_passes_the_milestones_until_it_is_ready(
    installation: Installation, uploaded: list[dict[str, Any]]
) -> None:
    installation.start_worker()
    module_id = uploaded[0]["moduleId"]
    seen = installation.follow(
        f"/api/upload/status/{module_id}", lambda body: body["status"] in ("ready", "failed")
    )
    last = seen[-1]
    assert last["status"] == "ready", last
    assert {body["status"] for body in seen[:-1]} <= {"processing"}
    percents = [body["progress"] for body in seen]
    assert percents == sorted(percents)
    assert [(each["progress"], each["name"]) for each in last["milestones"]] == MILESTONES
    assert (last["progress"], last["step"]) == (100, "Finalizing module")
    # The future enhancement of the document: the same over the event feed of the WebSocket.
    told = [e.data for e in events.tail("0-0") if e.data.get("jobId") == module_id]
    names = [data["step"] for data in told if data.get("step")]
    assert [name for name in names if name in dict(MILESTONES).values()] == [
        name for _, name in MILESTONES[:-1]
    ]


def test_progress_goes_on_where_a_step_fails(
    installation: Installation, uploaded: list[dict[str, Any]], endpoint: Endpoint
) -> None:
    steps = {step["id"]: step for step in status(installation, uploaded[0]["moduleId"])["steps"]}
    assert steps["texts"]["status"] == "failed"
    assert steps["texts"]["optional"]
    assert "I would rather not" in steps["texts"]["note"]
    # And what only was busy was asked again.
    assert steps["speech"]["status"] == "done"
    assert len([asked for asked in endpoint.asked if asked.path == "audio/transcriptions"]) >= 2


def test_the_module_leads_to_its_page(
    installation: Installation, uploaded: list[dict[str, Any]]
) -> None:
    module_id = uploaded[0]["moduleId"]
    module = installation.get(f"/api/modules/{module_id}")
    assert module["title"] == "Clean hands"
    assert [(step["start"], step["end"]) for step in module["steps"]] == [(0, 5), (5, 10), (10, 15)]
    html = {"Accept": "text/html"}
    screen = installation.ask(
        f"GET /modules/{module_id}/processing", headers=html, allow_redirects=False
    )
    assert screen.headers["Location"] == f"/modules/{module_id}"
    page = installation.ask(f"GET /modules/{module_id}", headers=html).text
    assert "Wash your hands." in page
    # Processing time analytics.
    assert "Listening to what is said" in installation.ask("GET /overview", headers=html).text


def test_captions_go_the_way_of_subtitles(
    installation: Installation, uploaded: list[dict[str, Any]]
) -> None:
    video_id = uploaded[0]["videoId"]

    def in_player() -> bool:
        (track,) = installation.get(f"/api/media/{video_id}/subtitles")["subtitles"]
        return bool(track["inMaster"])

    until(in_player, "captions in the player", 90)


def test_failures_are_told_and_retried(
    installation: Installation, uploaded: list[dict[str, Any]]
) -> None:
    module_id = uploaded[2]["moduleId"]
    failed = until(
        lambda: (told := status(installation, module_id))["status"] == "failed" and told,
        "the failure of what is no video",
        60,
    )
    assert isinstance(failed, dict)
    assert "not a video" in failed["error"]
    assert installation.ask(f"POST /api/modules/{module_id}/retry").status_code == 200

    def tried_again() -> bool:
        row = TrainingModule.objects.get(job_id=module_id)
        tries = [line for line in row.history if line.status == Status.active]
        return row.status == Status.failed and len(tries) == 2

    until(tried_again, "the second attempt", 60)


def test_existing_uploads_go_on_as_before(installation: Installation, clip: Path) -> None:
    said = send(installation, "film.mp4", clip.read_bytes(), to="video")
    assert said.status_code == 201
    video_id = said.json()["video"]["id"]
    told = status(installation, video_id)
    assert (told["videoId"], told["status"]) == (video_id, "uploaded")
    assert "moduleId" not in told
