"""Password, browsers and tokens of the person who is signed in."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tasks.models.audit_entry import AuditEntry
from tests.webapp.pages.reading import Page
from tests.webapp.people import bearer, csrf_token, signed_in
from webapp.auth import accounts, api_tokens, sign_in_links, throttle
from webapp.models import ApiToken, User

ADA = "ada@example.com"
HTMX = {"HX-Request": "true", "Accept": "text/html"}


@pytest.fixture
def ada(app: Flask) -> User:
    return accounts.add_user(ADA, "correct horse", "editor")


@pytest.fixture
def browser(app: Flask, ada: User) -> FlaskClient:
    client = signed_in(app, ada)
    client.environ_base["HTTP_X_CSRFTOKEN"] = csrf_token(app)
    return client


def post(client: FlaskClient, path: str, **form: Any) -> TestResponse:
    return client.post(path, data=form, headers=HTMX)


def make(client: FlaskClient, **form: Any) -> TestResponse:
    filled = {
        "name": "nightly",
        "role": "editor",
        "lifetime": "90 days",
        "scopes": ["read", "jobs"],
    }
    return post(client, "/account/tokens", **{**filled, **form})


def secret_in(answer: TestResponse) -> str:
    (secret,) = re.findall(r'value="(dly_[^"]+)"', answer.text)
    return str(secret)


def test_a_new_password_keeps_this_browser_and_ends_every_other(
    app: Flask, ada: User, browser: FlaskClient
) -> None:
    elsewhere = signed_in(app, ada)
    form = {"current": "correct horse", "new": "battery staple", "again": "battery staple"}
    answer = post(browser, "/account/password", **form)
    assert answer.status_code == 200, answer.text
    assert "The password is changed." in answer.text
    assert accounts.check_password(ADA, "battery staple") is not None
    assert browser.get("/api/titles").status_code == 200
    assert elsewhere.get("/api/titles").status_code == 401
    assert AuditEntry.objects.get(action="change password").target == ADA


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"current": "guess guess"}, "The current password is wrong."),
        ({"new": "short", "again": "short"}, "12 characters or more"),
        ({"again": "battery stable"}, "differ"),
    ],
)
def test_a_password_that_cannot_be_set_says_why(
    browser: FlaskClient, form: dict[str, str], words: str
) -> None:
    filled = {"current": "correct horse", "new": "battery staple", "again": "battery staple"}
    answer = post(browser, "/account/password", **{**filled, **form})
    assert answer.status_code == 422
    assert words in answer.text
    assert accounts.check_password(ADA, "correct horse") is not None


def test_the_current_password_cannot_be_guessed_from_a_stolen_session(browser: FlaskClient) -> None:
    form = {"new": "battery staple", "again": "battery staple"}
    for _ in range(throttle.MAX_FAILURES):
        assert post(browser, "/account/password", current="guess", **form).status_code == 422
    refused = post(browser, "/account/password", current="correct horse", **form)
    assert refused.status_code == 429


def test_who_came_by_link_sets_a_first_password(app: Flask) -> None:
    client = signed_in(app, accounts.add_user("new@example.com", None, "viewer"))
    client.environ_base["HTTP_X_CSRFTOKEN"] = csrf_token(app)
    assert "have no password yet" in Page(client.get("/account").text).text
    answer = post(client, "/account/password", new="battery staple", again="battery staple")
    assert answer.status_code == 200
    assert accounts.check_password("new@example.com", "battery staple") is not None


def test_signing_out_everywhere_ends_this_browser_too(
    app: Flask, ada: User, browser: FlaskClient
) -> None:
    elsewhere = signed_in(app, ada)
    assert Page(browser.get("/account").text).text.count("nother browser") == 1
    link = sign_in_links.make(ADA)
    answer = browser.post("/account/sign-out-everywhere")
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    for client in (browser, elsewhere):
        assert client.get("/api/titles").status_code == 401
    assert sign_in_links.owner(link.rsplit("/", 1)[1]) is None


def test_a_token_is_shown_once_and_does_what_it_was_made_for(
    app: Flask, browser: FlaskClient
) -> None:
    answer = make(browser)
    assert answer.status_code == 200, answer.text
    secret = secret_in(answer)
    token = ApiToken.objects.get(name="nightly")
    assert (token.role, token.scopes) == ("editor", ["read", "jobs"])
    assert 89 < (token.expires_at - datetime.now(UTC)).days + 1 <= 90
    page = browser.get("/account").text
    assert secret not in page
    assert token.prefix in page
    program = bearer(app, secret)
    assert program.get("/api/titles").status_code == 200
    assert program.post("/api/titles").status_code == 403

    revoked = post(browser, f"/account/tokens/{token.token_id}/revoke")
    assert revoked.status_code == 200
    assert program.get("/api/titles").status_code == 401
    actions = [row.action for row in AuditEntry.objects.order_by("at")]
    assert actions == ["make token", "revoke token"]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"role": "admin"}, "You are editor"),
        ({"role": "king"}, "is no role"),
        ({"scopes": []}, "Choose what the token is for"),
        ({"scopes": ["everything"]}, "it is one of"),
        ({"lifetime": "a century"}, "good for one of"),
        ({"name": " "}, "1 to 100 printable characters"),
    ],
)
def test_a_token_that_cannot_be_made_says_why(
    browser: FlaskClient, form: dict[str, Any], words: str
) -> None:
    answer = make(browser, **form)
    assert answer.status_code == 422
    assert words in answer.text
    assert len(ApiToken.objects) == 0


def test_nobody_revokes_a_token_of_others(app: Flask, browser: FlaskClient) -> None:
    api_tokens.issue("not yours", "viewer", owner="boss@example.com")
    token = ApiToken.objects.get(name="not yours")
    assert "not yours" not in browser.get("/account").text
    assert post(browser, f"/account/tokens/{token.token_id}/revoke").status_code == 422
    assert len(ApiToken.objects) == 1


def test_a_token_has_no_account_page(app: Flask, ada: User) -> None:
    program = bearer(app, api_tokens.issue("a program", "admin", owner="boss@example.com"))
    assert program.get("/account").status_code == 404
    assert program.post("/account/tokens").status_code == 404
