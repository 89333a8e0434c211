"""Admins let people in, change what they may do, and send them away."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tasks.models.audit_entry import AuditEntry
from tests.webapp.pages.reading import Page
from tests.webapp.people import bearer, csrf_token, signed_in
from webapp.auth import accounts, api_tokens, sign_in_links
from webapp.models import ApiToken, SignInLink, User

HTMX = {"HX-Request": "true", "Accept": "text/html"}


@pytest.fixture
def admin(app: Flask, as_person: Callable[[str], FlaskClient]) -> FlaskClient:
    client = as_person("admin")
    client.environ_base["HTTP_X_CSRFTOKEN"] = csrf_token(app)
    return client


@pytest.fixture
def ada(app: Flask) -> User:
    return accounts.add_user("ada@example.com", "correct horse", "editor")


def post(client: FlaskClient, path: str, **form: Any) -> TestResponse:
    return client.post(path, data=form, headers=HTMX)


def test_a_person_is_added_and_comes_in_by_the_link(app: Flask, admin: FlaskClient) -> None:
    answer = post(admin, "/people", email="New@Example.com", role="editor")
    assert answer.status_code == 200, answer.text
    (link,) = re.findall(r'value="http://localhost(/sign-in/link/[^"]+)"', answer.text)
    assert "new@example.com is added as editor." in answer.text
    assert sign_in_links.use(link.rsplit("/", 1)[1]) is not None
    assert link not in admin.get("/people").text
    entry = AuditEntry.objects.get(action="add person")
    assert (entry.who, entry.target) == ("admin@example.com", "new@example.com")


@pytest.mark.parametrize(
    ("email", "role", "words"),
    [
        ("no e-mail", "viewer", "no e-mail address"),
        ("boss@example.com", "viewer", "has an account already"),
        ("x@example.com", "king", "is no role"),
    ],
)
def test_who_cannot_be_added_is_named(
    admin: FlaskClient, email: str, role: str, words: str
) -> None:
    answer = post(admin, "/people", email=email, role=role)
    assert answer.status_code == 422
    assert words in answer.text


def test_a_role_is_changed_and_counts_at_once(app: Flask, admin: FlaskClient, ada: User) -> None:
    browser = signed_in(app, ada)
    assert browser.get("/upload").status_code == 200
    answer = post(admin, f"/people/{ada.user_id}/role", role="viewer")
    assert answer.status_code == 200
    assert browser.get("/upload").status_code == 403
    assert AuditEntry.objects.get(action="change role").detail == "from editor to viewer"


def test_the_last_admin_stays_one_and_the_page_shows_it(admin: FlaskClient) -> None:
    accounts.remove_user("boss@example.com")
    me = User.objects.get(email="admin@example.com")
    answer = post(admin, f"/people/{me.user_id}/role", role="viewer")
    assert answer.status_code == 422
    assert "is the only admin: make another one first." in answer.text
    assert re.search(r"<option selected>admin</option>", answer.text)
    assert post(admin, f"/people/{me.user_id}/remove").status_code == 422
    assert User.objects.get(email="admin@example.com").role == "admin"


def test_a_person_is_signed_out_everywhere_and_gets_a_new_link(
    app: Flask, admin: FlaskClient, ada: User
) -> None:
    browser = signed_in(app, ada)
    assert post(admin, f"/people/{ada.user_id}/sign-out").status_code == 200
    assert browser.get("/api/titles").status_code == 401
    assert "/sign-in/link/" in post(admin, f"/people/{ada.user_id}/link").text


def test_who_is_removed_is_gone_with_sessions_and_tokens(
    app: Flask, admin: FlaskClient, ada: User
) -> None:
    browser = signed_in(app, ada)
    program = bearer(app, api_tokens.issue("of ada", "editor", owner=ada.email))
    assert post(admin, f"/people/{ada.user_id}/remove").status_code == 200
    assert browser.get("/api/titles").status_code == 401
    assert program.get("/api/titles").status_code == 401
    again = post(admin, f"/people/{ada.user_id}/remove")
    assert again.status_code == 422
    assert "no account any more" in again.text


def test_admins_see_and_revoke_tokens_of_everybody(admin: FlaskClient, ada: User) -> None:
    api_tokens.issue("of ada", "editor", owner=ada.email, scopes=["read"])
    api_tokens.issue("of nobody", "admin")
    text = Page(admin.get("/people").text).text
    assert "of ada" in text
    assert "of nobody: made on the command line" in text
    token = ApiToken.objects.get(name="of ada")
    assert post(admin, f"/people/tokens/{token.token_id}/revoke").status_code == 200
    assert [row.name for row in ApiToken.objects] == ["of nobody"]
    assert post(admin, f"/people/tokens/{token.token_id}/revoke").status_code == 422


def test_a_token_makes_no_sign_in_link(app: Flask, ada: User) -> None:
    program = bearer(app, api_tokens.issue("people", "admin", scopes=["admin"]))
    refused = program.post(f"/people/{ada.user_id}/link")
    assert refused.status_code == 403
    added = program.post("/people", data={"email": "new@example.com", "role": "viewer"})
    assert added.status_code == 200
    assert "/sign-in/link/" not in refused.text + added.text
    assert SignInLink.objects.count() == 0
