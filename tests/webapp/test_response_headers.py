"""Headers that every answer has, and what the settings change in them."""

from collections.abc import Iterator

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from tasks.settings import get_settings
from tests.servers import Servers
from webapp.app import create_app
from webapp.auth import accounts

EXPECTED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
POLICY = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "font-src": "'self' data:",
    "media-src": "'self' blob: data:",
    "worker-src": "'self' blob:",
    "connect-src": "'self'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
}


@pytest.fixture
def environment(clean: Servers, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Variables that `create_app` then sees."""
    yield monkeypatch
    monkeypatch.undo()
    get_settings.cache_clear()


def with_variables(environment: pytest.MonkeyPatch, **variables: str) -> Flask:
    for name, value in variables.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    return create_app()


def policy_of(header: str) -> dict[str, str]:
    return dict(part.strip().split(" ", 1) for part in header.split(";"))


@pytest.mark.parametrize(
    "path", ["/healthz", "/sign-in", "/api/titles", "/nowhere", "/static/nothing.js", "/jobs"]
)
def test_every_answer_has_them(client: FlaskClient, path: str) -> None:
    headers = client.get(path, headers={"Accept": "text/html"}).headers
    assert {name: headers.get(name) for name in EXPECTED} == EXPECTED
    assert policy_of(headers["Content-Security-Policy"]) == POLICY
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in headers
    assert headers["Cache-Control"] == "no-store"


def test_static_files_may_be_kept_and_asked_for_again(client: FlaskClient) -> None:
    headers = client.get("/static/vendor/README.md").headers
    assert headers["Cache-Control"] == "no-cache"
    assert headers["ETag"]


def test_the_cdn_may_give_media_and_nothing_else(environment: pytest.MonkeyPatch) -> None:
    app = with_variables(environment, MEDIA_BASE_URL="https://cdn.example:8443/streams")
    policy = policy_of(app.test_client().get("/healthz").headers["Content-Security-Policy"])
    with_cdn = {name for name, value in policy.items() if "https://cdn.example:8443" in value}
    assert with_cdn == {"img-src", "media-src", "connect-src"}
    assert "/streams" not in str(policy)


def sign_in_cookie(app: Flask) -> str:
    accounts.add_user("ada@example.com", "correct horse", "viewer")
    app.before_request_funcs[None] = [
        check for check in app.before_request_funcs[None] if "csrf" not in check.__module__
    ]
    answer = app.test_client().post(
        "/sign-in",
        data={"email": "ada@example.com", "password": "correct horse"},
        headers={"Accept": "text/html"},
    )
    assert answer.status_code == 303
    return str(answer.headers["Set-Cookie"])


def test_the_cookie_is_kept_from_scripts_and_other_sites(environment: pytest.MonkeyPatch) -> None:
    cookie = sign_in_cookie(with_variables(environment))
    flags = {flag.strip() for flag in cookie.split(";")[1:]}
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= flags
    assert "Secure" not in flags


def test_behind_tls_the_cookie_never_leaves_it(environment: pytest.MonkeyPatch) -> None:
    app = with_variables(environment, DAILIES_COOKIE_SECURE="true")
    assert "; Secure;" in sign_in_cookie(app)
    assert (
        app.test_client().get("/healthz").headers["Strict-Transport-Security"] == "max-age=31536000"
    )


FORWARDED = {
    "X-Forwarded-For": "192.0.2.9",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "dailies.example",
}


@pytest.mark.parametrize(
    ("variables", "seen"),
    [
        ({}, "http://localhost/ 127.0.0.1"),
        ({"DAILIES_TRUST_FORWARDED_HOST": "true"}, "http://localhost/ 127.0.0.1"),
        ({"DAILIES_TRUSTED_PROXIES": "1"}, "https://localhost/ 192.0.2.9"),
        (
            {"DAILIES_TRUSTED_PROXIES": "1", "DAILIES_TRUST_FORWARDED_HOST": "true"},
            "https://dailies.example/ 192.0.2.9",
        ),
    ],
)
def test_what_proxies_say_counts_only_where_they_are_trusted(
    environment: pytest.MonkeyPatch, variables: dict[str, str], seen: str
) -> None:
    app = with_variables(environment, **variables)
    told: list[str] = []

    @app.teardown_request
    def tell(_error: BaseException | None) -> None:
        told.append(f"{request.root_url} {request.remote_addr}")

    app.test_client().get("/healthz", headers=FORWARDED)
    assert told == [seen]
