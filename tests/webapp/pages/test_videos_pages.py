"""The list of videos, and the page of one: live, and every button of it."""

import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import Environment

from tasks import keys
from tasks.infra.storage import get_storage
from tasks.models import Media, Share, Stream, StreamState, TranscodeJob
from tasks.models.clock import now
from tasks.removal.videos import finish_deletions
from tests.webapp.pages import rows
from tests.webapp.pages.reading import Page
from tests.webapp.people import csrf_token
from webapp.pages.panels import Renderer, View

AsPerson = Callable[[str], FlaskClient]


@pytest.fixture
def person(as_person: AsPerson) -> FlaskClient:
    return as_person("editor")


@pytest.fixture
def headers(app: Flask) -> dict[str, str]:
    return {"X-CSRFToken": csrf_token(app), "HX-Request": "true"}


def a_stream(media: Media, stream_id: str, state: StreamState) -> Stream:
    """A complete stream of one file."""
    get_storage().put_bytes(keys.stream(media.media_id, stream_id, "720p", "a.m4s"), b"x" * 10)
    stream: Stream = Stream(
        stream_id=stream_id,
        media_id=media.media_id,
        folder=stream_id,
        state=state.value,
        asked_at=now(),
        created_at=now(),
        complete_at=now(),
        renditions=[{"name": "720p"}, {"name": "audio"}],
        master="#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n720p/playlist.m3u8\n",
        files=1,
        size=10,
        settings={"x264Preset": "veryfast"},
    ).save()
    return stream


@pytest.fixture
def video(app: Flask) -> Media:
    """A playable video with a live stream and a retired one."""
    media = rows.media(playable=True, filename="Tides.mov")
    live = a_stream(media, "a" * 12, StreamState.live)
    a_stream(media, "b" * 12, StreamState.retired)
    media.update(set__live_stream=live.stream_id)
    get_storage().put_bytes(media.source_key, b"the source")
    rows.job("completed", of=media)
    return media


def test_all_videos_are_listed_and_the_chosen_ones_deleted(
    video: Media, person: FlaskClient, headers: dict[str, str]
) -> None:
    rows.media(filename="Unplayable.mov")
    page = Page(person.get("/videos").text)
    assert "Tides.mov" in page.text
    assert "No stream" in page.text
    found = Page(person.get("/videos?q=tide").text)
    assert "Unplayable" not in found.text
    refused = person.post("/videos/delete", headers=headers)
    assert refused.status_code == 422
    answer = person.post("/videos/delete", data={"id": video.media_id}, headers=headers)
    assert answer.headers["HX-Redirect"] == "/videos"
    assert "Tides" not in person.get("/videos").text
    assert finish_deletions() == 1
    assert list(get_storage().list(keys.video(video.media_id))) == []
    assert Stream.objects.first() is None


def test_the_page_shows_streams_downloads_and_history(
    video: Media, person: FlaskClient, as_person: AsPerson
) -> None:
    page = Page(person.get(f"/videos/{video.media_id}").text)
    for words in ("Live 720p", "x264Preset veryfast", "Retired", "Source (", "720p as MP4"):
        assert words in page.text, words
    assert page.all("dailies-player")
    (url,) = [field["value"] for field in page.all("input", aria_label="Stream URL")]
    assert person.application.test_client().get(url).status_code in (200, 404)
    assert "/media/s/" in url
    viewer = Page(as_person("viewer").get(f"/videos/{video.media_id}").text)
    assert viewer.posts == []
    assert person.get("/videos/00000000-0000-4000-8000-000000000000").status_code == 404


def test_an_older_stream_is_published_in_one_click(
    video: Media, person: FlaskClient, headers: dict[str, str]
) -> None:
    path = f"/videos/{video.media_id}/streams/{'b' * 12}/publish"
    answer = person.post(path, headers=headers)
    assert answer.status_code == 200, answer.text
    assert "This stream is live now." in answer.text
    assert Media.objects.get(media_id=video.media_id).live_stream == "b" * 12
    master = get_storage().get_bytes(keys.master(video.media_id)).decode()
    assert f"{'b' * 12}/720p/playlist.m3u8" in master
    assert Stream.objects.get(stream_id="a" * 12).state == StreamState.retired
    assert person.post(path.replace("b" * 12, "c" * 12), headers=headers).status_code == 422


def test_a_video_is_renamed_shared_and_given_another_source(
    video: Media, person: FlaskClient, headers: dict[str, str]
) -> None:
    path = f"/videos/{video.media_id}"
    named = person.post(f"{path}/change", data={"name": "Low <Tide>"}, headers=headers)
    assert "Low &lt;Tide&gt;" in named.text
    assert person.post(f"{path}/change", data={"name": "a\tb"}, headers=headers).status_code == 422
    shared = person.post(f"{path}/shares", data={"days": "3"}, headers=headers)
    assert "/share/" in shared.text
    assert person.post(f"{path}/shares", data={"days": "x"}, headers=headers).status_code == 422
    (share,) = Share.objects
    ended = person.post(f"{path}/shares/{share.share_id}/revoke", headers=headers)
    assert "/share/" not in ended.text
    data = {"video": (io.BytesIO(b"another"), "Cut 2.mov")}
    replaced = person.post(f"{path}/source", data=data, headers=headers)
    assert "The new source is being encoded." in replaced.text
    media = Media.objects.get(media_id=video.media_id)
    assert (media.filename, media.live_stream) == ("Cut 2.mov", "a" * 12)
    assert TranscodeJob.objects(media_id=video.media_id, status="waiting").count() == 1
    text = Page(person.get(path).text).text
    for words in ("changed it", "made a link", "ended a link", "replaced the source"):
        assert words in text, words


def test_the_page_is_live(app: Flask, video: Media) -> None:
    environment: Environment = app.jinja_env
    view = View.parse(f"page=video&id={video.media_id}", can_edit=True)
    with app.app_context():
        parts = Renderer(environment, 1).render(view).parts
    assert "Publish" in parts["#video-streams"]
    assert {"#video-head", "#video-jobs", "#player-place", "#facts"} <= parts.keys()
