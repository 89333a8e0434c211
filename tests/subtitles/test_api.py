"""``/api/media/<id>/subtitles``: what is taken, what is refused, and what is said of it."""

import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tasks import keys
from tasks.infra.storage import get_storage
from tasks.models import Media, Subtitle
from tests.tasks.rows import a_media
from tests.webapp.people import csrf_token

SRT = b"1\n00:00:01,000 --> 00:00:02,000\nHello\n"


@pytest.fixture
def media(app: Flask) -> Media:
    return a_media()


def send(
    client: FlaskClient,
    media: Media,
    data: bytes = SRT,
    filename: str = "tides.srt",
    field: str = "subtitle",
    headers: dict[str, str] | None = None,
    **fields: str,
) -> TestResponse:
    return client.post(
        f"/api/media/{media.media_id}/subtitles",
        data={field: (io.BytesIO(data), filename), **fields},
        headers={"Accept": "application/json", **(headers or {})},
        content_type="multipart/form-data",
    )


def test_a_file_is_kept_until_there_is_a_stream(editor: FlaskClient, media: Media) -> None:
    answer = send(editor, media, filename="../Tides é.SRT", language="ger", label="Für alle")
    assert answer.status_code == 201
    entry = answer.get_json()
    assert answer.headers["Location"] == f"/api/media/{media.media_id}/subtitles"
    assert entry["filename"] == "Tides é.SRT"
    assert (entry["language"], entry["label"], entry["status"]) == ("de", "Für alle", "stored")
    assert (entry["origin"], entry["createdBy"]) == ("attached", "token editor program")
    row = Subtitle.objects.get()
    assert get_storage().get_bytes(row.source_key) == SRT
    assert row.source_key.startswith(keys.subtitle_source(media.media_id, entry["id"]))

    listed = editor.get(f"/api/media/{media.media_id}/subtitles").get_json()
    assert listed == {"mediaId": media.media_id, "subtitles": [entry]}

    path = f"/api/media/{media.media_id}/subtitles/{entry['id']}"
    assert editor.delete(path).status_code == 204
    assert editor.delete(path).status_code == 404
    assert len(Subtitle.objects) == 0
    assert get_storage().list("sources/") == {}


def test_a_broken_file_is_taken_for_its_job_says_what_is_wrong(
    editor: FlaskClient, media: Media
) -> None:
    assert send(editor, media, b"\x00\x01binary", "broken.vtt").status_code == 201


REFUSED: dict[str, tuple[dict[str, object], int, str]] = {
    "another field": ({"field": "video"}, 400, "in the field “subtitle”"),
    "no file": ({"filename": ""}, 400, "No file was chosen"),
    "empty": ({"data": b""}, 400, "empty"),
    "another kind": ({"filename": "tides.ass"}, 415, ".vtt or .srt"),
    "no ending": ({"filename": "srt"}, 415, ".vtt or .srt"),
    "too large": ({"data": b"x" * (10 * 1024**2 + 1)}, 413, "10,485,760 bytes"),
    "far too large": ({"data": b"x" * (11 * 1024**2)}, 413, "10,485,760 bytes"),
    "no language": ({"language": "english"}, 422, "BCP 47"),
    "an attack as language": ({"language": 'de",URI="x'}, 422, "BCP 47"),
    "a long label": ({"label": "x" * 61}, 422, "at most 60"),
    "a very long field": ({"label": "x" * 2000}, 400, "too long"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_leaves_nothing_behind(
    editor: FlaskClient, media: Media, name: str
) -> None:
    asked, status, words = REFUSED[name]
    answer = send(editor, media, **asked)  # type: ignore[arg-type]
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert words in answer.get_json()["detail"]
    assert len(Subtitle.objects) == 0
    assert get_storage().list("sources/") == {}


def test_two_files_and_other_bodies_are_refused(editor: FlaskClient, media: Media) -> None:
    path = f"/api/media/{media.media_id}/subtitles"
    two = {"subtitle": [(io.BytesIO(SRT), "a.srt"), (io.BytesIO(SRT), "b.srt")]}
    assert editor.post(path, data=two, content_type="multipart/form-data").status_code == 400
    assert editor.post(path, json={"subtitle": "x"}).status_code == 415
    assert editor.post(path, data=SRT).status_code == 415
    nothing = editor.post(path, data={"language": "de"}, content_type="multipart/form-data")
    assert nothing.status_code == 400
    assert len(Subtitle.objects) == 0


def test_what_is_not_there_is_not_found(editor: FlaskClient, media: Media) -> None:
    nobody = Media(media_id="00000000-0000-4000-8000-000000000000")
    assert send(editor, nobody).status_code == 404
    assert editor.get(f"/api/media/{nobody.media_id}/subtitles").status_code == 404
    of_other = send(editor, media).get_json()["id"]
    other = a_media()
    answer = editor.delete(f"/api/media/{other.media_id}/subtitles/{of_other}")
    assert answer.status_code == 404
    assert len(Subtitle.objects) == 1


def test_a_viewer_sees_subtitles_and_changes_none(
    as_program: Callable[[str], FlaskClient], media: Media
) -> None:
    viewer = as_program("viewer")
    assert viewer.get(f"/api/media/{media.media_id}/subtitles").get_json()["subtitles"] == []
    assert send(viewer, media).status_code == 403
    page = viewer.post(f"/watch/{media.media_id}/subtitles")
    assert page.status_code == 403
    shown = viewer.get(f"/watch/{media.media_id}/subtitles").text
    assert "None yet" in shown
    assert "hx-post" not in shown


def test_a_page_needs_its_token_and_gets_partials(
    app: Flask, as_person: Callable[[str], FlaskClient], media: Media
) -> None:
    person = as_person("editor")
    assert send(person, media).status_code in (400, 403)
    headers = {"X-CSRFToken": csrf_token(app), "HX-Request": "true"}
    answer = person.post(
        f"/watch/{media.media_id}/subtitles",
        data={"subtitle": (io.BytesIO(SRT), "<b>tides</b>.srt"), "language": "de", "label": ""},
        headers=headers,
        content_type="multipart/form-data",
    )
    assert answer.status_code == 200
    assert "<b>" not in answer.text
    assert "b&gt;.srt" in answer.text
    assert "Deutsch" in answer.text
    assert "Waits for the stream" in answer.text
    refused = person.post(
        f"/watch/{media.media_id}/subtitles",
        data={"subtitle": (io.BytesIO(SRT), "tides.txt")},
        headers=headers,
        content_type="multipart/form-data",
    )
    assert refused.status_code == 415
    assert refused.headers["HX-Retarget"] == "#toasts"
    row = Subtitle.objects.get()
    deleted = person.post(
        f"/watch/{media.media_id}/subtitles/{row.subtitle_id}/delete", headers=headers
    )
    assert "None yet" in deleted.text
    assert len(Subtitle.objects) == 0
