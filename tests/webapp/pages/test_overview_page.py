"""The overview: what it says, who may hold queues and workers, and its JSON."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tasks.control import pausing
from tasks.infra.redis_client import get_redis
from tasks.models import Status, Step
from tasks.models.audit_entry import AuditEntry
from tasks.models.clock import now
from tasks.queue import backlog, broker
from tasks.queue.workers import Presence, worker_name
from tasks.reports import statistics
from tests.recovery.waiting import until
from tests.servers import Servers
from tests.webapp.pages import rows
from tests.webapp.pages.reading import Page
from tests.webapp.people import csrf_token

AsPerson = Callable[[str], FlaskClient]


@pytest.fixture(autouse=True)
def _nothing_kept(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    # However slow the machine is, nothing is left to be counted after a test.
    monkeypatch.setattr(statistics, "BUDGET_SECONDS", 600.0)
    statistics.forget()


@pytest.fixture
def worker(app: Flask) -> Iterator[str]:
    """This process, alive as a worker that does one step of a job."""
    job = rows.job("active", name="Big Buck Bunny")
    step = Step(
        job_id=f"{job.job_id}.chunk.2",
        transcode_id=job.job_id,
        kind="chunk",
        index=2,
        status=Status.active.value,
        started_at=now() - timedelta(minutes=3),
    )
    step.save()
    presence = Presence()
    presence.begin(step.job_id)
    presence.start()
    until(lambda: get_redis().exists(f"dailies:worker:{worker_name()}"), "a sign of life")
    yield job.job_id
    presence.stop()


def post(client: FlaskClient, app: Flask, path: str) -> tuple[int, str]:
    headers = {"X-CSRFToken": csrf_token(app), "HX-Request": "true"}
    answer = client.post(path, headers=headers)
    return answer.status_code, answer.text


def ended(status: str, age: float, **fields: Any) -> None:
    rows.job(status, age=age + 192, **fields)


def test_with_nothing_to_show_it_says_what_is_going_to_be_there(as_person: AsPerson) -> None:
    page = Page(as_person("viewer").get("/overview").text)
    assert "Nothing finished in the last 48 hours." in page.text
    assert "No worker is alive." in page.text
    assert "hidden" in page.all("section", id="charts")[0]
    assert page.posts == []
    assert page.all("a", href="/overview", aria_current="page")


def test_numbers_reasons_and_charts(as_person: AsPerson) -> None:
    for age in (60, 120, 180):
        ended("completed", age)
    ended("failed", 300, failed_reason="encoder")
    ended("failed", 30 * 3600, failed_reason="storage")
    page = Page(as_person("viewer").get("/overview").text)
    assert "Completed 3 75 % in 24 hours" in page.text
    assert "Failed 1 25 % in 24 hours" in page.text
    assert "Median duration 3 min 12 s" in page.text
    assert "The encoder failed 1" in page.text
    assert "Storage did not work 1" in page.text
    assert "hidden" not in page.all("section", id="charts")[0]
    names = [figure["data-chart"] for figure in page.all("figure")]
    assert names == ["finished", "rates", "duration", "waiting", "oldest"]
    other = Page(as_person("editor").get("/overview?kind=upload&by=day").text)
    assert other.all("section", id="charts")[0]["data-source"] == (
        "/v1/studio/statistics?kind=upload&by=day"
    )
    assert "Nothing finished in the last 30 days." in other.text


def test_days_that_are_not_counted_yet_are_not_said_to_be_empty(
    as_person: AsPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = as_person("viewer")
    with monkeypatch.context() as patch:
        patch.setattr(statistics, "BUDGET_SECONDS", 0.0)
        # The counting besides has not come to them.
        patch.setattr(statistics, "_besides", lambda _key, _work: None)
        page = Page(viewer.get("/overview?by=day").text)
    assert "Still counting 28 of 30 days." in page.text
    assert "Nothing failed on the days that are counted." in page.text
    assert "hidden" not in page.all("section", id="charts")[0]
    statistics.forget()
    page = Page(viewer.get("/overview?by=day").text)
    assert "Still counting" not in page.text
    assert "hidden" in page.all("p", id="counting")[0]


def test_workers_say_what_they_do_and_can_be_drained(
    app: Flask, as_person: AsPerson, worker: str
) -> None:
    name = worker_name()
    page = Page(as_person("viewer").get("/overview").text)
    assert "Chunk 3 of Big Buck Bunny · since" in page.text
    assert page.all("a", href=f"/jobs/{worker}")
    editor = as_person("editor")
    path = f"/overview/workers/{name}"
    status, markup = post(editor, app, f"{path}/drain")
    assert status == 200
    assert "Draining" in Page(markup).text
    assert "Drained by editor@example.com" in Page(markup).text
    assert f"{path}/undrain".replace(":", "%3A") in [
        p.replace(":", "%3A") for p in Page(markup).posts
    ]
    assert list(pausing.holds().workers) == [name]
    assert post(editor, app, f"{path}/drain")[0] == 409
    assert post(editor, app, f"{path}/undrain")[0] == 200
    assert post(editor, app, f"{path}/undrain")[0] == 409
    assert post(editor, app, "/overview/workers/nowhere:1/drain")[0] == 404
    assert pausing.holds().workers == {}


def test_queues_can_be_paused_by_editors_alone(app: Flask, as_person: AsPerson) -> None:
    path = f"/overview/queues/{broker.CHUNKS}"
    viewer, editor = as_person("viewer"), as_person("editor")
    assert post(viewer, app, f"{path}/pause")[0] == 403
    assert editor.post(f"{path}/pause").status_code == 400  # without the page's token
    assert pausing.holds().queues == {}
    status, markup = post(editor, app, f"{path}/pause")
    assert status == 200
    assert "Paused by editor@example.com" in Page(markup).text
    assert f"{path}/resume" in Page(markup).posts
    assert "Paused transcode: what runs is finished" in Page(markup).text
    assert Page(viewer.get("/overview").text).posts == []
    status, markup = post(editor, app, f"{path}/pause")
    assert status == 409
    assert "paused already" in markup
    assert post(editor, app, f"{path}/resume")[0] == 200
    assert post(editor, app, "/overview/queues/nothing/pause")[0] == 404
    done = [(e.who, e.action, e.target, e.result) for e in AuditEntry.objects.order_by("at")]
    assert done == [
        ("editor@example.com", "pause", "transcode", "done"),
        ("editor@example.com", "pause", "transcode", "refused"),
        ("editor@example.com", "resume", "transcode", "done"),
        ("editor@example.com", "pause", "nothing", "refused"),
    ]


def test_the_same_for_programs(as_program: Callable[[str], FlaskClient], worker: str) -> None:
    ended("completed", 60)
    ended("failed", 60, failed_reason="encoder")
    backlog.note()
    program, name = as_program("editor"), worker_name()
    found = program.get("/v1/studio/statistics?by=hour").get_json()
    assert (found["kind"], found["by"], len(found["buckets"])) == ("transcode", "hour", 48)
    assert sum(bucket["completed"] for bucket in found["buckets"]) == 1
    assert {b["failureRate"] for b in found["buckets"] if b["failed"]} <= {0.5, 1.0}
    assert any(bucket["waiting"] == 0 for bucket in found["buckets"])
    assert found["buckets"][0]["waiting"] is None  # nobody looked then
    assert found["failures"] == [{"reason": "encoder", "count": 1}]
    assert program.get("/v1/studio/statistics?by=year").status_code == 422
    assert (
        program.post("/v1/studio/queues/merge/pause")
        .get_json()["message"]
        .startswith("Paused merge")
    )
    queues = {one["name"]: one for one in program.get("/v1/studio/queues").get_json()["queues"]}
    assert set(queues) == set(broker.ACTORS)
    assert queues["merge"]["paused"]["by"] == "token editor program"
    assert program.post("/v1/studio/queues/merge/resume").status_code == 200
    assert program.post(f"/v1/studio/workers/{name}/drain").status_code == 200
    [only] = program.get("/v1/studio/workers").get_json()["workers"]
    assert only["name"] == name
    assert only["doing"] == [f"{worker}.chunk.2"]
    assert only["draining"]["by"] == "token editor program"
    assert program.post(f"/v1/studio/workers/{uuid.uuid4()}/undrain").status_code == 404


def test_without_redis_numbers_are_shown_all_the_same(
    as_person: AsPerson, servers: Servers
) -> None:
    ended("completed", 60)
    viewer = as_person("viewer")
    servers.redis.stop()
    page = Page(viewer.get("/overview").text)
    assert "Completed 1 100 % in 24 hours" in page.text
    assert "Redis does not answer" in page.text
