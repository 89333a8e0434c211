"""The pages of modules: the list, the screen while one is made, the module and its form."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tasks.analysis import stages
from tasks.jobs import lifecycle
from tasks.models import Media, TrainingModule
from tests.analysis.clips import a_module, claimed, performed, worked
from tests.webapp.people import csrf_token
from webapp.pages.panels import Renderer, View


@pytest.fixture
def person(as_person: Callable[[str], FlaskClient]) -> FlaskClient:
    """An editor's browser."""
    browser = as_person("editor")
    browser.environ_base["HTTP_ACCEPT"] = "text/html"
    return browser


@pytest.fixture
def module(person: FlaskClient, silent_clip: Path) -> TrainingModule:
    return worked(a_module(silent_clip))


def form_of(module: TrainingModule, **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "version": str(module.version),
        "title": "Safety",
        "summary": "",
        "step_id": [step["id"] for step in module.steps],
        "step_title": [step["title"] for step in module.steps],
        "step_summary": [step["summary"] for step in module.steps],
        "step_start": ["0:00.0", "5", "0:10"],
        "step_end": ["0:05.0", "10", "0:15.0"],
    }
    return {**fields, **changes}


def post(app: Flask, person: FlaskClient, path: str, fields: dict[str, Any]) -> TestResponse:
    return person.post(path, data={"csrf_token": csrf_token(app), **fields})


def test_the_list_says_something_when_empty(person: FlaskClient) -> None:
    page = person.get("/modules")
    assert "No training module yet." in page.text


def test_a_module_is_shown_with_its_steps(person: FlaskClient, module: TrainingModule) -> None:
    page = person.get(f"/modules/{module.job_id}").text
    for step in module.steps:
        assert f'id="step-{step["id"]}" data-from="{step["start"]}"' in page
    # There is no stream yet, so the source is played; and no sound, which is said.
    assert f'src="/api/modules/{module.job_id}/video"' in page
    assert "The video has no sound." in page
    assert "Language" not in page
    TrainingModule.objects(job_id=module.job_id).update(language="de", words=1)
    assert "<dt>Language</dt><dd>Deutsch</dd>" in person.get(f"/modules/{module.job_id}").text
    assert module.title in person.get("/modules").text
    assert "Training modules" in person.get("/overview").text
    assert person.get(f"/modules/{module.job_id}/processing").status_code == 303
    assert person.get("/modules/nothing").status_code == 404


def test_the_screen_of_the_work_tells_done_running_and_next(
    app: Flask, person: FlaskClient, silent_clip: Path
) -> None:
    row = claimed(a_module(silent_clip))
    told = stages.changed(stages.untouched(), "probe", stages.StageState.done, seconds=0.5)
    told = stages.changed(told, "speech", stages.StageState.failed, "Nobody <listened>.")
    told = stages.changed(told, "scenes", stages.StageState.running)
    TrainingModule.objects(job_id=row.job_id).update(stages=told, progress=26)
    assert person.get(f"/modules/{row.job_id}").status_code == 303
    page = person.get(f"/modules/{row.job_id}/processing").text
    assert "Nobody &lt;listened&gt;." in page
    found = {
        line.split('id="stage-')[1].split('"')[0]: line.split('data-state="')[1].split('"')[0]
        for line in page.splitlines()
        if 'id="stage-' in line
    }
    assert list(found.values()) == ["done", "failed", "running", *["next"] * 5]
    # The live panel is the same partial.
    with app.app_context():
        view = View.parse(f"page=module&id={row.job_id}", can_edit=True)
        panels = Renderer(app.jinja_env, 1).render(view)
    assert "Nobody &lt;listened&gt;." in panels.parts["#module-progress"]
    answer = post(app, person, f"/modules/{row.job_id}/do/cancel", {})
    assert answer.status_code == 303
    page = person.get(f"/modules/{row.job_id}/processing").text
    assert "Try again" in page
    assert 'data-state="running"' not in page
    assert post(app, person, f"/modules/{row.job_id}/do/retry", {}).status_code == 303
    assert post(app, person, f"/modules/{row.job_id}/do/explode", {}).status_code == 404
    assert lifecycle.find(TrainingModule, row.job_id).status == "waiting"


def test_a_failed_module_shows_why(person: FlaskClient, tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_bytes(b"not a film\n" * 99)
    row = performed(a_module(tmp_path / "notes.mp4"))
    page = person.get(f"/modules/{row.job_id}/processing").text
    assert row.error_message
    assert row.error_message.split(".")[0][:30] in page
    assert "Try again" in page


def test_steps_are_moved_added_and_removed_before_anything_is_saved(
    app: Flask, person: FlaskClient, module: TrainingModule
) -> None:
    path = f"/modules/{module.job_id}/edit"
    assert person.get(path).text.count('name="step_id"') == 3
    moved = post(app, person, path, form_of(module, do="up:2")).text
    order = [part.split('"')[0] for part in moved.split('name="step_id" value="')[1:]]
    assert order == [module.steps[i]["id"] for i in (0, 2, 1)]
    added = post(app, person, path, form_of(module, do="add:0")).text
    assert added.count('name="step_id"') == 4
    removed = post(app, person, path, form_of(module, do="remove:1")).text
    assert module.steps[1]["id"] not in removed
    for odd in ("up:0", "down:2", "remove:9", "up:x", "burn", "up:99999999"):
        same = post(app, person, path, form_of(module, do=odd)).text
        assert same.count('name="step_id"') == 3
    assert lifecycle.find(TrainingModule, module.job_id).version == 1


def test_an_edit_is_saved_and_a_late_one_comes_back(
    app: Flask, person: FlaskClient, module: TrainingModule
) -> None:
    path = f"/modules/{module.job_id}/edit"
    assert post(app, person, path, form_of(module)).status_code == 303
    late = post(app, person, path, form_of(module, title="Written by the late one"))
    assert late.status_code == 409
    assert "Nothing of yours was saved." in late.text
    assert 'value="Written by the late one"' in late.text
    assert lifecycle.find(TrainingModule, module.job_id).title == "Safety"
    # Who has seen that may put theirs in its place.
    assert 'name="version" value="2"' in late.text
    again = form_of(module, title="Written by the late one", version="2")
    assert post(app, person, path, again).status_code == 303
    assert lifecycle.find(TrainingModule, module.job_id).title == "Written by the late one"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"step_end": ["0:05.0", "soon", "0:15.0"]}, "no time such as"),
        ({"step_end": ["0:05.0", "2", "0:15.0"]}, "Step 2: a step ends after it begins"),
        ({"step_end": ["0:05.0", "10", "9:15.0"]}, "Step 3 ends after the video"),
        ({"title": " "}, "The module: the title"),
        ({"version": "new"}, "The module"),
    ],
)
def test_a_form_that_cannot_be_right_comes_back_with_the_reason(
    app: Flask, person: FlaskClient, module: TrainingModule, changes: Any, sentence: str
) -> None:
    answer = post(app, person, f"/modules/{module.job_id}/edit", form_of(module, **changes))
    assert answer.status_code == 422
    assert sentence in answer.text
    assert lifecycle.find(TrainingModule, module.job_id).version == 1


def test_a_module_is_made_of_a_video_and_deleted(
    app: Flask, person: FlaskClient, module: TrainingModule
) -> None:
    made = post(app, person, f"/modules/of/{module.media_id}", {})
    assert made.status_code == 303
    assert made.headers["Location"].endswith("/processing")
    assert len(TrainingModule.objects) == 2
    Media.objects(media_id=module.media_id).update(master_key="hls/x/master.m3u8")
    watch = person.get(f"/watch/{module.media_id}").text
    assert watch.count(f'href="/modules/{module.job_id}"') == 1
    assert "Make another" in watch
    gone = post(app, person, f"/modules/{module.job_id}/do/delete", {})
    assert gone.headers["Location"] == "/modules"
    assert len(TrainingModule.objects) == 1
    # Another site cannot do any of it.
    assert person.post(f"/modules/of/{module.media_id}").status_code == 400
