"""A media's state as a part of any page, and the page that shows how it is embedded."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, render_template
from flask.testing import FlaskClient

from tests.webapp.pages import rows
from tests.webapp.pages.reading import Page

Client = Callable[[str], FlaskClient]


def part_of(client: FlaskClient, media_id: str) -> tuple[dict[str, str], Page]:
    answer = client.get(f"/partials/media-status/{media_id}")
    assert answer.status_code == 200
    page = Page(answer.text)
    (section,) = page.all("section", class_="media-status")
    return section, page


@pytest.mark.parametrize(
    ("status", "fields", "word", "renews"),
    [
        (None, {}, "Uploaded", True),
        ("waiting", {}, "In line", True),
        ("active", {"progress": 45.5}, "Processing 45 %", True),
        ("failed", {"error_message": "No <b>picture</b>."}, "No <b>picture</b>.", False),
        ("cancelled", {"error_message": "Cancelled by ada."}, "Failed", False),
    ],
)
def test_it_says_the_state_and_renews_itself_until_it_is_over(
    as_person: Client, status: str | None, fields: dict[str, Any], word: str, renews: bool
) -> None:
    media = rows.media(filename="<i>Tides</i>.mp4")
    if status is not None:
        rows.job(status, of=media, **fields)
    section, page = part_of(as_person("viewer"), media.media_id)
    assert section["id"] == f"media-status-{media.media_id}"
    assert word in page.text
    assert "<i>Tides</i>.mp4" in page.text
    assert page.all("progress")[0]["aria-label"] == "Progress of <i>Tides</i>.mp4"
    assert ("hx-trigger" in section) == renews
    if renews:
        assert section["hx-get"] == f"/partials/media-status/{media.media_id}"
    assert not page.all("b")
    assert not page.all("img")


def test_what_is_ready_has_its_poster_and_can_be_played(as_person: Client) -> None:
    media = rows.media(playable=True)
    rows.job("completed", of=media)
    section, page = part_of(as_person("viewer"), media.media_id)
    assert section["data-status"] == "READY"
    assert "hx-trigger" not in section
    assert page.all("img")[0]["src"].endswith("/poster.jpg")
    assert page.all("a", href=f"/watch/{media.media_id}")


def test_of_what_is_gone_it_says_so(as_person: Client) -> None:
    viewer = as_person("viewer")
    for media_id in (str(uuid.uuid4()), "x" * 500, "<script>"):
        section, page = part_of(viewer, media_id)
        assert section["data-status"] == "GONE"
        assert "hx-get" not in section
        assert "no such media" in page.text


def test_any_page_may_include_it(app: Flask) -> None:
    media = rows.media(filename="Tides.mp4")
    with app.test_request_context():
        markup = render_template("partials/media_status.html", media_id=media.media_id)
    assert "Tides.mp4" in Page(markup).text


def test_the_demo_page(as_person: Client) -> None:
    viewer = as_person("viewer")
    assert "no media to show yet" in viewer.get("/embed-demo").text
    older, newest = rows.media(filename="a.mp4"), rows.media(filename="b.mp4")
    older.update(set__created_at=rows.NOW.replace(year=2020))
    page = Page(viewer.get("/embed-demo").text)
    assert page.all("media-status")[0]["media-id"] == newest.media_id
    page = Page(viewer.get(f"/embed-demo?mediaId={older.media_id}").text)
    assert page.all("media-status")[0]["media-id"] == older.media_id
    odd = viewer.get('/embed-demo?mediaId="><script>')
    assert odd.status_code == 200
    assert Page(odd.text).all("media-status")[0]["media-id"] == '"><script>'
