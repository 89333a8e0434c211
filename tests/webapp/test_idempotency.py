"""``Idempotency-Key``: what is sent again is done once."""

import http.client
import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.models import Media, TranscodeJob
from tests.recovery.waiting import until
from tests.servers import Servers
from tests.webapp.gunicorn import Gunicorn
from tests.webapp.test_errors import assert_problem
from tests.webapp.test_upload_api import CONTENT, convert, uploaded
from webapp import idempotency
from webapp.auth import api_tokens
from webapp.models import IdempotentRequest

KEY = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}


def send(
    client: FlaskClient,
    content: bytes = CONTENT,
    *,
    path: str = "/api/upload/v1/upload",
    key: str = KEY["Idempotency-Key"],
    name: str = "film.mp4",
) -> TestResponse:
    # Werkzeug's client makes a new boundary each time, as browsers and curl do.
    return client.post(
        path,
        data={"video": (io.BytesIO(content), name, "video/mp4")},
        content_type="multipart/form-data",
        headers={"Idempotency-Key": key},
    )


def made() -> tuple[int, int, int]:
    """How many media, jobs and sources there are."""
    return len(Media.objects), len(TranscodeJob.objects), len(get_storage().list("sources/"))


class Killed(BaseException):
    """Ends an attempt as a kill does: nothing of ours runs after it."""


@pytest.fixture
def killed_before_answering(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """While it is on, an attempt dies when all is done and its answer not kept. Called, it is
    off, and what died has been silent long enough."""

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(idempotency._Attempt, "keep", die)

    def come_back() -> None:
        monkeypatch.undo()
        IdempotentRequest.objects.update(unset__lease_until=True)

    return come_back


def test_the_same_upload_again_makes_nothing_and_is_answered_the_same(
    editor: FlaskClient,
) -> None:
    first = send(editor)
    assert first.status_code == 202
    assert idempotency.REPLAYED not in first.headers
    again = send(editor, key=f'"{KEY["Idempotency-Key"]}"')  # as the draft writes it
    assert (again.status_code, again.data) == (202, first.data)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.mimetype == "application/json"
    assert again.headers[idempotency.REPLAYED] == "true"
    assert made() == (1, 1, 1)


@pytest.mark.parametrize(
    ("content", "name"), [(CONTENT[:-1] + b"x", "film.mp4"), (CONTENT, "other.mp4")]
)
def test_the_same_key_with_another_request_is_422(
    editor: FlaskClient, content: bytes, name: str
) -> None:
    send(editor)
    assert "used for another request" in assert_problem(send(editor, content, name=name), 422)
    assert made() == (1, 1, 1)


def test_a_key_is_ones_own_and_for_one_route(
    editor: FlaskClient, as_program: Callable[[str], FlaskClient]
) -> None:
    assert send(editor).status_code == 202
    assert send(as_program("admin"), b"another").status_code == 202
    assert send(editor, b"another", path="/api/upload/video").status_code == 201
    assert made() == (3, 2, 3)


def test_without_a_key_each_request_counts(editor: FlaskClient) -> None:
    uploaded(editor)
    uploaded(editor)
    assert made() == (2, 0, 2)
    assert len(IdempotentRequest.objects) == 0


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "é", "a\tb"])
def test_a_key_that_is_none_is_400(editor: FlaskClient, key: str) -> None:
    assert "printable ASCII" in assert_problem(send(editor, key=key), 400)
    assert made() == (0, 0, 0)


def test_what_was_refused_may_be_mended_with_the_same_key(editor: FlaskClient) -> None:
    assert_problem(send(editor, b""), 400)
    assert len(IdempotentRequest.objects) == 0
    assert send(editor).status_code == 202


def test_converting_again_with_the_key_starts_nothing_when_the_first_is_over(
    editor: FlaskClient,
) -> None:
    video = uploaded(editor)
    path, body = f"/api/upload/convert-to-hls/{video['id']}", {"s3Key": video["s3Key"]}
    first = editor.post(path, json=body, headers=KEY)
    lifecycle.cancel(TranscodeJob, TranscodeJob.objects.get().job_id, "a test")
    again = editor.post(path, json=body, headers=KEY)
    assert (again.status_code, again.data) == (202, first.data)
    assert len(TranscodeJob.objects) == 1
    other = editor.post(path, json={**body, "clientId": "me"}, headers=KEY)
    assert_problem(other, 422)
    assert convert(editor, video).status_code == 202
    assert len(TranscodeJob.objects) == 2


@pytest.mark.parametrize("path", ["/api/upload/video", "/api/upload/v1/upload"])
def test_what_was_killed_before_it_could_answer_is_done_once(
    editor: FlaskClient, killed_before_answering: Callable[[], None], path: str
) -> None:
    with pytest.raises(Killed):
        send(editor, path=path)
    before = made()
    busy = send(editor, path=path)
    assert "is being worked on" in assert_problem(busy, 409)
    assert busy.headers["Retry-After"] == str(idempotency.ASK_AGAIN_SECONDS)
    killed_before_answering()
    assert "used for another request" in assert_problem(send(editor, b"other", path=path), 422)
    done = send(editor, path=path)
    assert done.status_code in (201, 202)
    assert made() == before
    assert Media.objects.get().media_id in done.text
    assert send(editor, path=path).data == done.data


def test_a_job_that_ended_before_the_second_try_is_not_made_again(
    editor: FlaskClient, killed_before_answering: Callable[[], None]
) -> None:
    with pytest.raises(Killed):
        send(editor)
    job = TranscodeJob.objects.get()
    lifecycle.cancel(TranscodeJob, job.job_id, "a test")
    killed_before_answering()
    assert send(editor).get_json()["jobId"] == job.job_id
    assert made() == (1, 1, 1)


def test_what_failed_half_way_goes_on_where_it_was(
    editor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("webapp.api.v1_upload.submit", lambda *_, **__: 1 / 0)
        assert_problem(send(editor), 500)
    assert made() == (1, 0, 1)
    assert send(editor).status_code == 202
    assert made() == (1, 1, 1)


def test_of_many_at_once_one_is_done(app: Flask, web: Gunicorn) -> None:
    token = api_tokens.issue("crowd", "editor")
    answers: list[requests.Response] = []

    def ask() -> None:
        headers = {"Authorization": f"Bearer {token}", **KEY}
        files = {"video": ("film.mp4", CONTENT * 20, "video/mp4")}
        url = f"{web.url}/api/upload/v1/upload"
        while True:
            answer = requests.post(url, files=files, headers=headers, timeout=60)
            if answer.status_code != 409:
                answers.append(answer)
                return

    crowd = [threading.Thread(target=ask) for _ in range(8)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert made() == (1, 1, 1)


def test_a_web_process_killed_in_the_middle_of_an_upload(app: Flask, tmp_path: Path) -> None:
    token = api_tokens.issue("crowd", "editor")
    body = (
        b'--x\r\nContent-Disposition: form-data; name="video"; filename="film.mp4"\r\n\r\n'
        + CONTENT * 20
        + b"\r\n--x--\r\n"
    )
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "multipart/form-data; boundary=x",
        **KEY,
    }
    with Gunicorn(tmp_path / "first.log") as first:
        connection = http.client.HTTPConnection("127.0.0.1", first.port, timeout=60)
        connection.putrequest("POST", "/api/upload/v1/upload")
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body[: len(body) // 2])
        until(lambda: IdempotentRequest.objects(chosen__media__exists=True).first(), "half a film")
        first.kill()
        connection.close()
    IdempotentRequest.objects.update(unset__lease_until=True)  # as when 15 seconds are over
    with Gunicorn(tmp_path / "second.log") as second:
        url = f"{second.url}/api/upload/v1/upload"
        answers = [requests.post(url, data=body, headers=headers, timeout=60) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].content == answers[1].content
    assert made() == (1, 1, 1)


def test_a_long_upload_keeps_its_key_and_notices_when_it_lost_it(
    app: Flask, editor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "LEASE_SECONDS", 0.3)
    lost: list[Any] = []
    real = idempotency._Attempt.same_or_refuse

    def slow(attempt: Any, fingerprint: str | None) -> None:
        """In the middle of the first attempt: it says that it lives, and then another has it."""
        if fingerprint is not None and not lost:
            lost.append(attempt)
            row = IdempotentRequest.objects.get()
            until(lambda: IdempotentRequest.objects.get().lease_until > row.lease_until, "a sign")
            IdempotentRequest.objects.update(set__token="another")
            until(attempt._lost.is_set, "that it noticed")
        real(attempt, fingerprint)

    monkeypatch.setattr(idempotency._Attempt, "same_or_refuse", slow)
    assert "has taken over" in assert_problem(send(editor), 409)
    assert made() == (0, 0, 0)


def test_answers_are_removed_by_mongodb_when_their_day_is_over(
    editor: FlaskClient, clean: Servers
) -> None:
    send(editor)
    row = IdempotentRequest.objects.get()
    assert row.expires_at > row.lease_until
    indexes = clean.mongo_client.get_default_database()["idempotent_requests"].list_indexes()
    assert {"expires_at": 0} in [
        {next(iter(i["key"])): i["expireAfterSeconds"]} for i in indexes if len(i) > 3
    ]
