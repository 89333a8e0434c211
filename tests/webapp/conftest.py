"""The application over real servers, and clients of it: people by session, programs by token."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tasks.infra.database import connect
from tasks.migrations import indexes
from tests.servers import Servers
from tests.webapp.gunicorn import Gunicorn
from tests.webapp.people import bearer, signed_in
from webapp import deadline
from webapp import models as people
from webapp.app import create_app
from webapp.auth import accounts, api_tokens
from webapp.deadline import PATIENCE_MS


@pytest.fixture(scope="session")
def _indexes(_servers_of_session: Servers) -> None:
    """The indexes that Dailies makes as it starts; lists name them."""
    _servers_of_session.start()
    connect(PATIENCE_MS)
    indexes.ensure()
    people.ensure_indexes()


@pytest.fixture
def app(clean: Servers, _indexes: None, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The application, on empty servers, with one admin (so that nobody is the last one).

    A request waits a minute for the database: a busy machine is not one whose database is away.
    """
    monkeypatch.setattr(deadline, "DATABASE_SECONDS", 60.0)
    app = create_app()
    accounts.add_user("boss@example.com", None, "admin")
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Nobody: neither session nor token."""
    return app.test_client()


@pytest.fixture
def as_program(app: Flask) -> Callable[[str], FlaskClient]:
    """``as_program("editor")``: a client that sends a token of that role."""
    return lambda role: bearer(app, api_tokens.issue(f"{role} program", role))


@pytest.fixture
def editor(as_program: Callable[[str], FlaskClient]) -> FlaskClient:
    """A program that may change things."""
    return as_program("editor")


@pytest.fixture
def as_person(app: Flask) -> Callable[[str], FlaskClient]:
    """``as_person("viewer")``: a browser in which somebody of that role is signed in."""
    return lambda role: signed_in(app, accounts.add_user(f"{role}@example.com", None, role))


@pytest.fixture(scope="session")
def _web_of_session(
    _servers_of_session: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gunicorn]:
    _servers_of_session.start()
    with Gunicorn(tmp_path_factory.mktemp("web") / "web.log") as server:
        yield server


@pytest.fixture(scope="session")
def _odd_web_of_session(
    _servers_of_session: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gunicorn]:
    _servers_of_session.start()
    log = tmp_path_factory.mktemp("odd_web") / "web.log"
    with Gunicorn(log, "tests.webapp.odd_app:create_odd_app()") as server:
        yield server


@pytest.fixture
def odd_web(clean: Servers, _indexes: None, _odd_web_of_session: Gunicorn) -> Gunicorn:
    """The real web server with the application of `tests.webapp.odd_app`, over empty servers."""
    return _odd_web_of_session


@pytest.fixture
def web(clean: Servers, _indexes: None, _web_of_session: Gunicorn) -> Gunicorn:
    """The real web server, over empty servers."""
    return _web_of_session
