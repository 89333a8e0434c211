"""What pages of other sites may do: listed origins, preflights, and nothing else."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tasks.settings import SettingsError, get_settings, load_settings
from tests.servers import Servers
from tests.webapp.people import bearer
from webapp.app import create_app
from webapp.auth import api_tokens

ONE, OTHER = "https://films.example", "http://[::1]:3000"
PATH = "/api/titles"


@pytest.fixture
def listed(clean: Servers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    monkeypatch.setenv("DAILIES_CORS_ORIGINS", f"{ONE}, {OTHER}")
    get_settings.cache_clear()
    yield create_app()
    monkeypatch.undo()
    get_settings.cache_clear()


def allowed(answer: object) -> list[str]:
    headers: list[str] = answer.headers.getlist("Access-Control-Allow-Origin")  # type: ignore[attr-defined]
    return headers


def preflight(client: FlaskClient, origin: str, path: str = PATH, method: str = "GET") -> object:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization, x-other",
    }
    return client.options(path, headers=headers)


@pytest.mark.parametrize("origin", [ONE, OTHER])
def test_a_listed_origin_may_ask_and_read(listed: Flask, origin: str) -> None:
    asked = preflight(listed.test_client(), origin, method="POST")
    assert asked.status_code == 200  # type: ignore[attr-defined]
    headers = asked.headers  # type: ignore[attr-defined]
    assert headers["Access-Control-Allow-Origin"] == origin
    assert headers["Access-Control-Allow-Headers"] == "authorization"
    assert "POST" in headers["Access-Control-Allow-Methods"]
    assert headers["Access-Control-Max-Age"] == "600"
    assert "Origin" in headers["Vary"]

    client = bearer(listed, api_tokens.issue("elsewhere", "viewer"))
    answer = client.get(PATH, headers={"Origin": origin})
    assert answer.status_code == 200
    assert allowed(answer) == [origin]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    # A refusal can be read too, or a page could not say what is wrong.
    refused = listed.test_client().get(PATH, headers={"Origin": origin})
    assert (refused.status_code, allowed(refused)) == (401, [origin])


@pytest.mark.parametrize(
    "origin",
    [
        "https://films.example.evil.example",
        "https://evil.example",
        "https://films.example:444",
        "http://films.example",
        "https://filmsxexample",
        "http://[::1]:30001",
        "null",
    ],
)
def test_no_other_origin_may(listed: Flask, origin: str) -> None:
    client = listed.test_client()
    assert allowed(preflight(client, origin)) == []
    assert allowed(client.get(PATH, headers={"Origin": origin})) == []


def test_only_the_api_is_open_and_only_to_who_says_where_it_is(listed: Flask) -> None:
    client = listed.test_client()
    for path in ("/jobs", "/sign-in", "/sign-out", "/static/live.js", "/healthz", "/apiary"):
        assert allowed(client.get(path, headers={"Origin": ONE})) == [], path
        assert allowed(preflight(client, ONE, path)) == [], path
    assert allowed(client.get(PATH)) == []
    # The one script that others load.
    script = client.get("/static/media-status.js")
    assert script.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert allowed(script) == ["*"]
    other = client.get("/static/live.js")
    assert other.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_without_a_list_nobody_elsewhere_may(app: Flask) -> None:
    client = app.test_client()
    assert allowed(preflight(client, ONE)) == []
    assert allowed(client.get(PATH, headers={"Origin": ONE})) == []


@pytest.mark.parametrize(
    ("said", "origins"),
    [
        ("", ()),
        (" , ", ()),
        ("https://A.Example/", ("https://a.example",)),
        ("https://a.example:443,http://a.example:80", ("https://a.example", "http://a.example")),
        ("http://127.0.0.1:3000", ("http://127.0.0.1:3000",)),
        ("http://[::1]:3000", ("http://[::1]:3000",)),
    ],
)
def test_origins_are_kept_as_browsers_write_them(
    monkeypatch: pytest.MonkeyPatch, said: str, origins: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DAILIES_CORS_ORIGINS", said)
    assert load_settings().allowed_origins == origins


@pytest.mark.parametrize(
    "said",
    [
        "*",
        "https://*.example",
        "a.example",
        "null",
        "https://a.example/films",
        "https://u:p@a.example",
        "ftp://a.example",
        "https://a.example:x",
        "https://a.example:99999",
        "https://",
        "https://a.example?x",
    ],
)
def test_what_is_no_origin_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("DAILIES_CORS_ORIGINS", said)
    with pytest.raises(SettingsError, match=r"DAILIES_CORS_ORIGINS.*is no origin"):
        load_settings()
