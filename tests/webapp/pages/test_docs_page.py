"""The description as people read it."""

from flask import Flask
from flask.testing import FlaskClient

from tests.webapp.pages.reading import Page
from webapp.openapi.document import document
from webapp.openapi.reading import families


def test_every_call_is_on_the_page_of_its_family(app: Flask, client: FlaskClient) -> None:
    overview = client.get("/docs").text
    read = families(document(app))
    for family in read:
        answer = client.get(f"/docs/{family.slug}")
        assert answer.status_code == 200
        page = Page(answer.text)
        for call in family.operations:
            assert page.all("section", id=call.id), call.path
            assert call.path in page.text
            assert family.pages or f"/docs/{family.slug}#{call.id}" in overview
    assert {call.path for family in read for call in family.operations} == set(
        document(app)["paths"]
    )


def test_a_call_says_what_it_takes_and_answers(client: FlaskClient) -> None:
    page = Page(client.get("/docs/upload").text)
    for words in (
        "Role editor, scope upload.",
        "s3Key string, 1 to 1,024 characters required",
        "limit integer, 1 to 1,000, else 100",
        "video file required",
        "status one of uploaded , processing , completed , failed",
    ):
        assert words in page.text
    assert client.get("/docs/nothing").status_code == 404


def test_nothing_in_it_needs_a_script_or_another_site(client: FlaskClient) -> None:
    for path in ("/docs", "/docs/transcoding-jobs"):
        page = Page(client.get(path).text)
        for tag, attributes in page.elements:
            assert "style" not in attributes, tag
            assert not any(name.startswith("on") for name in attributes), tag
            for name in ("src", "href"):
                assert not attributes.get(name, "").startswith(("http", "//")), attributes
        assert all(script.get("src") for script in page.all("script"))
