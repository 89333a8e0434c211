"""``/api/modules``: what programs ask of modules, and that nobody's edit is lost."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tasks.analysis.stages import MILESTONES
from tasks.jobs import lifecycle
from tasks.models import Status, TrainingModule, TranscodeJob
from tasks.models.audit_entry import AuditEntry
from tests.analysis.clips import a_module, claimed, performed, worked

AN_ID = "00000000-0000-4000-8000-000000000000"


def sent(clip: Path) -> dict[str, Any]:
    return {"video": (io.BytesIO(clip.read_bytes()), clip.name, "video/mp4")}


@pytest.fixture
def module(editor: FlaskClient, silent_clip: Path) -> TrainingModule:
    """One that is ready."""
    return worked(a_module(silent_clip))


def edited(module: TrainingModule, **changes: Any) -> dict[str, Any]:
    steps = [{k: s[k] for k in ("id", "title", "summary", "start", "end")} for s in module.steps]
    body = {"version": module.version, "title": "Safe", "summary": "All of it.", "steps": steps}
    return {**body, **changes}


def test_a_video_is_taken_and_its_module_made_in_the_background(
    editor: FlaskClient, silent_clip: Path
) -> None:
    said = editor.post("/api/upload/module", data=sent(silent_clip))
    assert said.status_code == 201
    assert said.json
    module_id = said.json["moduleId"]
    assert said.json["status"] == "processing"
    assert said.headers["Location"] == f"/api/upload/status/{module_id}"
    # The video gets its stream as well.
    assert TranscodeJob.objects(media_id=said.json["videoId"]).count() == 1

    waiting = editor.get(f"/api/upload/status/{module_id}").json
    assert waiting
    assert (waiting["status"], waiting["progress"]) == ("processing", 0)
    assert {step["status"] for step in waiting["steps"]} == {"next"}

    performed(lifecycle.find(TrainingModule, module_id))
    ready = editor.get(f"/api/upload/status/{module_id}").json
    assert ready
    assert (ready["status"], ready["progress"], ready["step"]) == (
        "ready",
        100,
        "Finalizing module",
    )
    reached = [(each["progress"], each["name"]) for each in ready["milestones"]]
    assert reached == [(each.progress, each.name) for each in MILESTONES]
    speech = next(step for step in ready["steps"] if step["id"] == "speech")
    assert speech["status"] == "skipped"
    assert speech["optional"]
    assert speech["note"] == "The video has no sound."
    # The same path tells of videos.
    of_video = editor.get(f"/api/upload/status/{said.json['videoId']}").json
    assert of_video
    assert of_video["videoId"] == said.json["videoId"]
    assert "steps" not in of_video


def test_the_same_request_makes_one_module(editor: FlaskClient, silent_clip: Path) -> None:
    answers = [
        editor.post(
            "/api/upload/module", data=sent(silent_clip), headers={"Idempotency-Key": "once"}
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    assert len(TrainingModule.objects) == 1


def test_a_module_is_made_of_a_video_that_is_here(
    editor: FlaskClient, module: TrainingModule
) -> None:
    said = editor.post("/api/modules", json={"videoId": module.media_id})
    assert said.status_code == 201
    assert said.json
    assert said.json["moduleId"] != module.job_id
    assert editor.post("/api/modules", json={"videoId": AN_ID}).status_code == 404
    assert editor.post("/api/modules", json={"videoId": "../etc"}).status_code == 404


def test_what_is_no_upload_is_refused(editor: FlaskClient) -> None:
    assert editor.post("/api/upload/module", data={"titleId": ""}).status_code in (400, 415)
    assert editor.post("/api/upload/module", json={}).status_code == 415
    empty = {"video": (io.BytesIO(b""), "empty.mp4")}
    assert editor.post("/api/upload/module", data=empty).status_code == 400
    assert len(TrainingModule.objects) == 0


def test_a_failed_module_says_why_and_is_tried_again(editor: FlaskClient, tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_bytes(b"not a film\n" * 99)
    row = performed(a_module(tmp_path / "notes.mp4"))
    told = editor.get(f"/api/upload/status/{row.job_id}").json
    assert told
    assert told["status"] == "failed"
    assert told["error"]
    assert told["progress"] < 100
    assert next(s for s in told["steps"] if s["id"] == "probe")["status"] == "failed"
    assert editor.get(f"/api/modules/{row.job_id}").status_code == 409
    assert editor.post(f"/api/modules/{row.job_id}/retry").status_code == 200
    assert lifecycle.find(TrainingModule, row.job_id).status == Status.waiting
    assert editor.post(f"/api/modules/{row.job_id}/retry").status_code == 409
    assert editor.post(f"/api/modules/{row.job_id}/cancel").status_code == 200
    told = editor.get(f"/api/upload/status/{row.job_id}").json
    assert told
    assert told["error"].startswith("Cancelled at ")
    log = AuditEntry.objects(target=row.job_id).order_by("id")
    actions = [(entry.action, entry.result) for entry in log]
    assert actions == [("retry", "done"), ("retry", "refused"), ("cancel", "done")]


def test_a_module_that_is_worked_on_runs_no_stage_once_cancelled(
    editor: FlaskClient, silent_clip: Path
) -> None:
    row = claimed(a_module(silent_clip))
    stages = [{"id": "probe", "state": "done"}, {"id": "speech", "state": "running"}]
    TrainingModule.objects(job_id=row.job_id).update(stages=stages)
    assert editor.post(f"/api/modules/{row.job_id}/cancel").status_code == 200
    told = editor.get(f"/api/upload/status/{row.job_id}").json
    assert told
    assert [step["status"] for step in told["steps"]] == ["done", "failed"]


def test_an_edit_is_saved_whole(editor: FlaskClient, module: TrainingModule) -> None:
    first, second, _third = edited(module)["steps"]
    new = {"title": "Wash up", "summary": "With water.", "start": 12, "end": 14.5}
    body = edited(module, steps=[second, {**first, "title": "<b>Begin</b>"}, new])
    saved = editor.put(f"/api/modules/{module.job_id}", json=body)
    assert saved.status_code == 200
    assert saved.json
    assert saved.json["version"] == 2
    assert [s["title"] for s in saved.json["steps"]] == ["Step 2", "<b>Begin</b>", "Wash up"]
    # Steps keep their ids and pictures; a new one has an id, and no picture.
    assert [s["id"] for s in saved.json["steps"]][:2] == [second["id"], first["id"]]
    assert [bool(s["picture"]) for s in saved.json["steps"]] == [True, True, False]
    assert editor.get(f"/api/modules/{module.job_id}").json == saved.json
    picture = editor.get(saved.json["steps"][0]["picture"])
    assert picture.data.startswith(b"\xff\xd8")
    assert picture.content_type == "image/jpeg"


def test_nobody_s_edit_is_lost(editor: FlaskClient, module: TrainingModule) -> None:
    path = f"/api/modules/{module.job_id}"
    assert editor.put(path, json=edited(module, title="Ada's")).status_code == 200
    late = editor.put(path, json=edited(module, title="Bob's"))
    assert late.status_code == 409
    assert late.json
    assert "version 2" in late.json["detail"]
    kept = editor.get(path).json
    assert kept
    assert kept["title"] == "Ada's"


@pytest.mark.parametrize(
    "changes",
    [
        {"title": ""},
        {"title": "x" * 201},
        {"version": 0},
        {"more": 1},
        {"steps": [{"title": "Late", "start": 3, "end": 2}]},
        {"steps": [{"title": "Beyond", "start": 3, "end": 2000}]},
        {"steps": [{"title": "", "start": 0, "end": 2}]},
        {"steps": [{"title": "x", "start": 0, "end": 1}] * 101},
    ],
)
def test_an_edit_that_cannot_be_right_is_refused(
    editor: FlaskClient, silent_clip: Path, changes: dict[str, Any]
) -> None:
    row = a_module(silent_clip)
    TrainingModule.objects(job_id=row.job_id).update(duration=15.0)
    body = edited(row, **{"version": 1, **changes})
    answer = editor.put(f"/api/modules/{row.job_id}", json=body)
    assert answer.status_code == 422, answer.json


def test_a_module_is_exported_listed_and_deleted(
    editor: FlaskClient, module: TrainingModule, as_program: Callable[[str], FlaskClient]
) -> None:
    path = f"/api/modules/{module.job_id}"
    text = editor.get(f"{path}/markdown")
    assert text.content_type == "text/markdown; charset=utf-8"
    assert text.text.startswith("# Silent\n")
    assert "## 2. Step 2\n\n0:05.0 to 0:10.0\n" in text.text
    listed = editor.get("/api/modules?limit=1").json
    assert listed
    assert [(m["moduleId"], m["status"], m["steps"]) for m in listed["modules"]] == [
        (module.job_id, "ready", 3)
    ]
    part = editor.get(f"{path}/video", headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.data, part.content_type) == (
        206,
        b"ftyp",
        "application/octet-stream",
    )
    said = editor.get(f"{path}/transcript")
    assert said.status_code == 404
    assert as_program("viewer").delete(path).status_code == 403
    assert editor.delete(path).status_code == 200
    assert editor.get(path).status_code == 404
    assert editor.get(f"/api/upload/status/{module.job_id}").status_code == 404
    assert editor.get(f"{path}x/steps/y/picture").status_code == 404
