"""Who asks too often is told when to come back."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tasks.settings import SettingsError, get_settings, load_settings
from tests.servers import Servers
from tests.webapp.people import bearer, csrf_token, signed_in
from webapp.app import create_app
from webapp.auth import accounts, api_tokens

Make = Callable[..., Flask]
LIST = "/v1/studio/transcoding-jobs"


@pytest.fixture
def limited(clean: Servers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """``limited(api="2/minute")``: an application with such limits."""

    def make(**limits: str) -> Flask:
        for name, value in limits.items():
            monkeypatch.setenv(f"DAILIES_{name.upper()}_LIMIT", value)
        get_settings.cache_clear()
        return create_app()

    yield make
    get_settings.cache_clear()


def program(app: Flask, name: str = "a program") -> FlaskClient:
    return bearer(app, api_tokens.issue(name, "editor"))


def test_a_token_has_so_many_requests_whatever_it_asks_for(limited: Make) -> None:
    app = limited(api="2/minute")
    client = program(app)
    assert client.get(LIST).status_code == 200
    assert client.get("/api/titles").status_code == 200
    refused = client.get(LIST)
    assert refused.status_code == 429
    assert refused.mimetype == "application/problem+json"
    assert refused.json is not None
    assert "Too many requests: 2 a minute are allowed." in refused.json["error"]
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert program(app, "another").get(LIST).status_code == 200


def test_every_web_process_counts_together(limited: Make) -> None:
    secret = api_tokens.issue("a program", "editor")
    assert bearer(limited(api="1/minute"), secret).get(LIST).status_code == 200
    assert bearer(limited(api="1/minute"), secret).get(LIST).status_code == 429


def test_people_look_at_pages_as_often_as_they_like(limited: Make) -> None:
    app = limited(api="1/minute")
    browser = signed_in(app, accounts.add_user("ada@example.com", None, "editor"))
    assert [browser.get(LIST).status_code for _ in range(4)] == [200] * 4


def test_uploads_are_counted_for_people_and_programs_alike(limited: Make) -> None:
    app = limited(upload="2/hour")
    browser = signed_in(app, accounts.add_user("ada@example.com", None, "editor"))
    browser.environ_base["HTTP_X_CSRFTOKEN"] = csrf_token(app)
    for client in (browser, program(app)):
        for _ in range(2):
            assert client.post("/api/upload/video").status_code in (400, 415)
        refused = client.post("/api/upload/video")
        assert refused.status_code == 429
        assert refused.json is not None
        assert "2 an hour are allowed" in refused.json["error"]
        assert client.get("/api/titles").status_code == 200


def test_without_redis_requests_go_on_and_are_counted_here(limited: Make, clean: Servers) -> None:
    client = program(limited(api="2/minute"))
    clean.redis.kill()
    try:
        codes = [client.get("/api/titles").status_code for _ in range(3)]
    finally:
        clean.redis.start()
    assert codes == [200, 200, 429]


@pytest.mark.parametrize("value", ["many", "0/minute", "5/fortnight", "-1/day", "5 per minute"])
def test_a_limit_that_makes_no_sense_is_named(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAILIES_API_LIMIT", value)
    with pytest.raises(SettingsError, match=r"DAILIES_API_LIMIT=.*600/minute"):
        load_settings()
