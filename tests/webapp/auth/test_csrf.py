"""Requests that change something through a session need its token; a program's need none."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer

from tests.webapp.auth.test_authorization import calls
from tests.webapp.people import csrf_token
from webapp.models import User

FILM = {"kind": "film", "name": "Tides"}


def other_token(app: Flask) -> str:
    """The token of another session, signed by the same app."""
    assert isinstance(app.secret_key, str)
    return str(URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token").dumps("another"))


def test_every_unsafe_route_refuses_a_session_without_its_token(
    app: Flask, as_person: Callable[[str], FlaskClient]
) -> None:
    browser = as_person("admin")
    unsafe = [(method, path) for _, method, path in calls(app) if method != "GET"]
    assert len(unsafe) >= 6
    for method, path in unsafe:
        for headers in ({}, {"X-CSRFToken": "wrong"}, {"X-CSRFToken": other_token(app)}):
            answer = browser.open(path, method=method, headers=headers)
            assert answer.status_code == 400, (method, path, headers)
            assert "Reload the page" in answer.text, (method, path)


@pytest.mark.parametrize(
    ("where", "status"), [("header", 201), ("query", 400), ("json", 400), ("nowhere", 400)]
)
def test_where_the_token_of_json_may_be(
    app: Flask, as_person: Callable[[str], FlaskClient], where: str, status: int
) -> None:
    token = csrf_token(app)
    answer = as_person("editor").post(
        "/api/titles",
        json={**FILM, "csrf_token": token} if where == "json" else FILM,
        headers={"X-CSRFToken": token} if where == "header" else {},
        query_string={"csrf_token": token} if where == "query" else {},
    )
    assert answer.status_code == status


def test_a_form_may_carry_it_as_a_field(
    app: Flask, as_person: Callable[[str], FlaskClient]
) -> None:
    browser = as_person("viewer")
    assert browser.post("/sign-out", data={"csrf_token": csrf_token(app)}).status_code == 303
    assert User.objects.get(email="viewer@example.com").sessions == []


def test_a_multipart_body_is_not_searched_for_it(
    app: Flask, as_person: Callable[[str], FlaskClient]
) -> None:
    answer = as_person("editor").post(
        "/api/upload/video",
        data={"csrf_token": csrf_token(app)},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 400
    assert "Reload the page" in answer.get_json()["error"]


def test_a_program_needs_none(editor: FlaskClient) -> None:
    assert editor.post("/api/titles", json=FILM).status_code == 201


def test_a_token_that_counts_for_nothing_is_no_way_around(
    app: Flask, as_person: Callable[[str], FlaskClient]
) -> None:
    browser = as_person("editor")
    headers = {"Authorization": "Bearer wrong"}
    assert browser.post("/api/titles", json=FILM, headers=headers).status_code == 401
    headers = {"Authorization": "Basic wrong"}
    assert browser.post("/api/titles", json=FILM, headers=headers).status_code == 400
