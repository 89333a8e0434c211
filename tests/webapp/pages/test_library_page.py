"""The library and the page where a media is watched, and the upload page."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tasks.control.titles import NewTitle, create_title
from tests.webapp.pages import rows
from tests.webapp.pages.reading import Page

AsPerson = Callable[[str], FlaskClient]


@pytest.fixture
def viewer(app: Flask, as_person: AsPerson) -> FlaskClient:
    return as_person("viewer")


def films(client: FlaskClient, path: str = "/library") -> list[str]:
    page = Page(client.get(path).text)
    return [a["href"].removeprefix("/watch/") for a in page.all("a", class_="film")]


def test_only_what_is_playable_is_shown_newest_first(viewer: FlaskClient) -> None:
    rows.media()
    old = rows.media(playable=True, published_at=rows.NOW - timedelta(days=2))
    new = rows.media(playable=True)
    assert films(viewer) == [new.media_id, old.media_id]
    text = Page(viewer.get("/library").text).text
    assert "HD 1:01" in text


def test_an_episode_is_named_with_season_and_series(viewer: FlaskClient) -> None:
    season = create_title(
        NewTitle(kind="season", name="Season 1", series="Harbour Lights", number=1)
    )
    episode = create_title(
        NewTitle(kind="episode", name="Low Tide", parent_id=season.title_id, number=4)
    )
    media = rows.media(playable=True, title_id=episode.title_id)
    rows.media(playable=True, filename="other.mp4")
    text = Page(viewer.get("/library").text).text
    assert "S1 E04 · Low Tide" in text
    assert "Episode · Harbour Lights" in text
    assert films(viewer, "/library?q=harbour") == [media.media_id]
    assert films(viewer, "/library?q=LOW+t") == [media.media_id]
    assert "Episode · Harbour Lights" in Page(viewer.get(f"/watch/{media.media_id}").text).text


def test_empty_library_and_a_search_without_result_say_so(viewer: FlaskClient) -> None:
    assert "Nothing to watch yet." in Page(viewer.get("/library").text).text
    rows.media(playable=True)
    assert "Nothing here is called “zzz”." in Page(viewer.get("/library?q=zzz").text).text


def test_watch_page_has_player_facts_and_jobs(viewer: FlaskClient) -> None:
    media = rows.media(playable=True, filename="<i>film</i>.mp4")
    job = rows.job("completed", of=media)
    page = Page(viewer.get(f"/watch/{media.media_id}").text)
    (player,) = page.all("dailies-player")
    assert player["src"] == f"/media/{media.master_key}"
    assert player["name"] == "<i>film</i>.mp4"
    assert "720p, 360p" in page.text
    assert page.all("a", href=f"/jobs/{job.job_id}")


def test_what_cannot_be_played_has_no_watch_page(viewer: FlaskClient) -> None:
    for media_id in (rows.media().media_id, "none"):
        assert viewer.get(f"/watch/{media_id}").status_code == 404


def test_upload_page_is_for_editors(as_person: AsPerson, viewer: FlaskClient) -> None:
    assert viewer.get("/upload").status_code == 403
    page = Page(as_person("editor").get("/upload").text)
    assert page.all("input", type="file")
    assert "Up to 215 GB a file" in page.text
