"""One error format: problem+json for programs, a page for people, a toast for htmx."""

import time
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tasks import migrations
from tasks.errors import StorageFailed
from tasks.jobs.lifecycle import Conflict, NotFound
from tasks.migrations import indexes
from tasks.models import TranscodeJob
from tasks.records.log_lines import without_secrets
from tests.servers import Servers
from tests.up.running import eventually
from webapp import deadline, models
from webapp.auth.access import public

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
HTMX = {
    "Accept": "text/html, */*",
    "HX-Request": "true",
    "HX-Request-Type": "partial",
    "HX-Current-URL": "http://localhost/jobs?status=failed",
}


def assert_problem(answer: TestResponse, status: int) -> str:
    """It is problem+json of that status; returns its sentence."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    body = answer.get_json()
    assert body["status"] == status
    assert body["type"] == "about:blank"
    assert body["title"]
    assert body["instance"] == without_secrets(answer.request.path)
    assert body["error"] == body["detail"]
    assert str(body["error"]).endswith(".")
    assert answer.headers["Cache-Control"] == "no-store"
    return str(body["error"])


@pytest.mark.parametrize("accept", ["*/*", "", "application/json", "text/html"])
def test_programs_get_problem_json_whatever_they_accept(client: FlaskClient, accept: str) -> None:
    answer = client.get("/api/upload/jobs", headers={"Accept": accept})
    assert_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_people_get_a_page(client: FlaskClient) -> None:
    answer = client.get("/nowhere", headers=BROWSER)
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"
    assert "<html" in answer.text
    assert "Not Found" in answer.text or "404" in answer.text


def test_curl_gets_problem_json_of_a_page(client: FlaskClient) -> None:
    sentence = assert_problem(client.get("/nowhere", headers={"Accept": "*/*"}), 404)
    assert sentence == "There is nothing at /nowhere; /docs lists every address."
    assert_problem(client.get("/jobs", headers={"Accept": "*/*"}), 401)


def test_htmx_gets_a_toast_beside_the_page_it_is_on(
    as_person: Callable[[str], FlaskClient],
) -> None:
    answer = as_person("viewer").get("/nowhere", headers=HTMX)
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"
    assert "<html" not in answer.text
    assert answer.headers["HX-Retarget"] == "#toasts"
    assert answer.headers["HX-Reswap"] == "beforeend"


def test_htmx_goes_to_sign_in_and_back_to_the_page_it_was_on(client: FlaskClient) -> None:
    answer = client.get("/jobs", headers=HTMX)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/jobs?status%3Dfailed"


def test_htmx_that_wants_a_whole_page_gets_one(client: FlaskClient) -> None:
    answer = client.get("/nowhere", headers={**HTMX, "HX-Request-Type": "full"})
    assert "<html" in answer.text


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (StorageFailed("Storage answered 503."), 503, "storage is away"),
        (Conflict("The job is completed."), 409, "The job is completed."),
        (NotFound("There is no such job."), 404, "There is no such job."),
        (RuntimeError("secret"), 500, "The log has it as error"),
    ],
)
def test_failures_of_the_work_below(
    app: Flask, error: Exception, status: int, sentence: str
) -> None:
    @public
    def fail() -> str:
        raise error

    app.add_url_rule("/api/fail", "fail", fail)
    answer = app.test_client().get("/api/fail")
    assert sentence in assert_problem(answer, status)
    assert "secret" not in answer.text
    assert ("Retry-After" in answer.headers) is (status == 503)


def test_an_unexpected_failure_is_found_in_the_log(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    @public
    def fail() -> str:
        raise RuntimeError("what really happened")

    app.add_url_rule("/api/fail", "fail", fail)
    sentence = assert_problem(app.test_client().get("/api/fail"), 500)
    number = sentence.rstrip(".").rsplit(" ", 1)[1]
    assert number in caplog.text
    assert "what really happened" in caplog.text


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_the_database_away_is_503_within_seconds(
    servers: Servers,
    app: Flask,
    editor: FlaskClient,
    as_person: Callable[[str], FlaskClient],
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deadline, "DATABASE_SECONDS", 1.0)
    browser = as_person("viewer")
    getattr(servers.mongo, how)()
    begin = time.monotonic()
    sentence = assert_problem(answer := editor.get("/api/upload/jobs"), 503)
    assert time.monotonic() - begin < 25
    assert "database" in sentence
    assert int(answer.headers["Retry-After"]) > 0
    page = browser.get("/jobs", headers=BROWSER)
    assert page.status_code == 503
    assert "database" in page.text
    assert app.test_client().get("/healthz").status_code == 200


@pytest.fixture
def unprepared(app: Flask) -> Iterator[None]:
    """A database whose lists have no indexes yet."""
    TranscodeJob.drop_collection()
    TranscodeJob._get_collection().insert_one({"job_id": "x", "status": "waiting"})
    yield
    TranscodeJob.drop_collection()
    indexes.ensure()


def test_a_list_whose_index_is_not_there_yet_is_503(unprepared: None, editor: FlaskClient) -> None:
    answer = editor.get("/v1/studio/transcoding-jobs?status=waiting")
    assert "being prepared" in assert_problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0


def test_the_web_process_makes_missing_indexes(unprepared: None, editor: FlaskClient) -> None:
    TranscodeJob._get_collection().delete_many({})
    migrations.begin(models.ensure_indexes).join(60)
    assert editor.get("/v1/studio/transcoding-jobs?status=waiting").status_code == 200


def test_readyz_names_what_is_missing_and_says_more_to_admins(
    servers: Servers, client: FlaskClient, as_program: Callable[[str], FlaskClient]
) -> None:
    before = client.get("/readyz")
    assert before.status_code == 503
    checks = before.get_json()["checks"]
    assert {name: check["ok"] for name, check in checks.items()} == {
        "mongodb": True,
        "redis": True,
        "s3": True,
        "worker": False,
    }
    assert all(check["detail"] is None for check in checks.values())
    told = as_program("admin").get("/readyz").get_json()["checks"]
    assert all(check["detail"] for check in told.values())
    servers.redis.kill()
    servers.s3.kill()

    def good() -> set[str]:
        checks = client.get("/readyz").get_json()["checks"]
        return {name for name, check in checks.items() if check["ok"]}

    # What was found is kept for two seconds, so that many who ask cost as little as one.
    assert eventually(lambda: good() == {"mongodb"})


def test_a_wrong_method_says_which_are_allowed(editor: FlaskClient) -> None:
    answer = editor.delete("/api/upload/video")
    assert " does nothing here: use " in assert_problem(answer, 405)
    assert "POST" in answer.headers["Allow"]
