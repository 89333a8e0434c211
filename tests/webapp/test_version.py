"""The version is told to programs without an account, and to people at the foot of each page."""

from collections.abc import Callable

from flask.testing import FlaskClient

from tests.webapp.pages.reading import Page
from webapp.version import VERSION


def test_the_version_is_told(client: FlaskClient, as_person: Callable[[str], FlaskClient]) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok", "version": VERSION}
    page = Page(as_person("viewer").get("/library").text)
    assert page.all("footer")
    assert page.text.rstrip().endswith(f"Dailies {VERSION}")
    assert "<footer" not in client.get("/sign-in").text
