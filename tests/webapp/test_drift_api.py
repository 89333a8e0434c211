"""``/v1/studio/drift``: what it shows, and repairing by it."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tasks.jobs.advance import advance
from tasks.models import Step
from tasks.queue import messages
from tasks.recovery.survey import reading
from tests.servers import Servers
from tests.tasks.rows import a_job


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are judged at once: in these tests nobody else moves them."""
    monkeypatch.setattr(reading, "GRACE_SECONDS", -1.0)


@pytest.fixture
def lost(app: Flask, clean: Servers) -> Step:
    """A step whose message was lost."""
    job = a_job()
    advance(job.job_id)
    clean.redis_client.flushall()
    step: Step = Step.objects(transcode_id=job.job_id).get()
    return step


def test_nothing_to_see(as_program: Callable[[str], FlaskClient]) -> None:
    body = as_program("viewer").get("/v1/studio/drift").get_json()
    assert (body["total"], body["drift"], body["repairs"]) == (0, [], [])
    assert body["lookedAt"].endswith("Z")
    assert body["reconciledAt"] is None


def test_both_sides_rule_and_fix_are_shown(
    lost: Step, as_program: Callable[[str], FlaskClient]
) -> None:
    body = as_program("viewer").get("/v1/studio/drift").get_json()
    (entry,) = body["drift"]
    shown = {name: entry[name] for name in ("kind", "jobId", "transcodeId", "rule", "fixable")}
    assert shown == {
        "kind": "step",
        "jobId": lost.job_id,
        "transcodeId": lost.transcode_id,
        "rule": "message-lost",
        "fixable": True,
    }
    assert entry["row"].startswith("Waiting, message")
    assert (entry["other"], entry["otherSays"]) == ("queue", "That message is not there")
    assert entry["sentence"] == "It waits for a message that is not in the queue."
    assert entry["fix"] == "A new message is sent."


@pytest.mark.parametrize("by", ["drift", "job", "all"])
def test_one_drift_one_job_or_all_are_fixed(lost: Step, editor: FlaskClient, by: str) -> None:
    entry = editor.get("/v1/studio/drift").get_json()["drift"][0]
    body = {"drift": {"id": entry["id"]}, "job": {"id": lost.job_id}, "all": {"all": True}}[by]
    answer = editor.post("/v1/studio/drift/fix", json=body).get_json()
    assert answer["count"] == 1
    assert answer["fixed"][0]["action"] == "A new message was sent."
    assert list(messages.held_ids().values()) == [lost.job_id]
    after = editor.get("/v1/studio/drift").get_json()
    assert after["drift"] == []
    assert [repair["rule"] for repair in after["repairs"]] == ["message-lost"]


def test_what_is_not_there_is_a_404(editor: FlaskClient) -> None:
    assert editor.post("/v1/studio/drift/fix", json={"id": "nothing"}).status_code == 404


def test_only_an_admin_removes_all_that_lies_unused(
    as_program: Callable[[str], FlaskClient],
) -> None:
    refused = as_program("editor").post("/v1/studio/drift/fix", json={"unused": True})
    assert refused.status_code == 403
    assert "Only an admin" in refused.get_json()["error"]
    done = as_program("admin").post("/v1/studio/drift/fix", json={"unused": True})
    assert done.get_json() == {"count": 0, "fixed": []}


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"id": "x", "all": True}, {"id": ""}, {"all": "?"}, {"x": 1}),
        {"all": True, "unused": True},
    ],
)
def test_a_wrong_body_is_refused(editor: FlaskClient, body: dict[str, object]) -> None:
    assert editor.post("/v1/studio/drift/fix", json=body).status_code == 422
