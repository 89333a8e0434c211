"""``/api/videos`` and share links: change, replace, share, download and delete a video."""

import io
import os
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import m3u8
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tasks import keys
from tasks.infra.storage import get_storage
from tasks.media.tools import Tools, find_tools
from tasks.models import (
    DeletedVideo,
    Media,
    Share,
    Status,
    Step,
    Stream,
    Subtitle,
    TrainingModule,
    TranscodeJob,
    UploadJob,
)
from tasks.models.audit_entry import AuditEntry
from tasks.models.clock import now
from tasks.removal.videos import finish_deletions, remove_former_sources
from tests.webapp.test_errors import assert_problem
from tests.webapp.test_upload_api import convert, uploaded
from webapp import share_links

UNKNOWN = "00000000-0000-4000-8000-000000000000"
SECONDS = 7
MASTER = (
    '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Sound",URI="audio/playlist.m3u8"\n'
    '#EXT-X-STREAM-INF:BANDWIDTH=100000,AUDIO="a"\n180p/playlist.m3u8\n'
)


@pytest.fixture(scope="session")
def tools() -> Tools:
    return find_tools(os.environ.get("FFMPEG"), os.environ.get("FFPROBE"))


@pytest.fixture(scope="session")
def stream_files(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small stream with sound, as the pipeline cuts it."""
    folder = tmp_path_factory.mktemp("stream")
    for name, arguments in (
        ("180p", "-f lavfi -i testsrc=s=320x180:r=25 -c:v libx264 -preset ultrafast -g 50 -bf 2"),
        ("audio", "-f lavfi -i sine -c:a aac"),
    ):
        (folder / name).mkdir()
        rest = (
            f"-t {SECONDS} -output_ts_offset 10 -f hls -hls_time 4 -hls_playlist_type vod "
            "-hls_segment_type fmp4 -hls_segment_options movflags=+frag_discont"
        )
        subprocess.run(
            [tools.ffmpeg, "-v", "error", *arguments.split(), *rest.split(), "playlist.m3u8"],
            cwd=folder / name,
            check=True,
        )
    (folder / "master.m3u8").write_text(MASTER)
    return folder


@pytest.fixture
def video(editor: FlaskClient) -> Media:
    """A video with a source and a job that waits."""
    given = uploaded(editor)
    assert convert(editor, given).status_code == 202
    media: Media = Media.objects.get(media_id=given["id"])
    return media


@pytest.fixture
def playable(video: Media, stream_files: Path) -> Media:
    """The same with a stream."""
    for path in stream_files.rglob("*.*"):
        name = path.relative_to(stream_files).as_posix()
        get_storage().put_file(keys.video(video.media_id, name), path)
    video.update(
        set__master_key=keys.video(video.media_id, "master.m3u8"),
        set__published_at=now(),
        set__duration=float(SECONDS),
        set__renditions={"180p": keys.video(video.media_id, "180p/playlist.m3u8")},
    )
    video.reload()
    return video


def path_of(media: Media, *more: str) -> str:
    return "/".join(["/api/videos", media.media_id, *more])


def test_what_is_known_of_a_video(editor: FlaskClient, video: Media) -> None:
    answer = editor.get(path_of(video)).get_json()
    assert (answer["id"], answer["name"]) == (video.media_id, "My Film (1).mp4")
    assert (answer["streaming"], answer["size"]) == (None, video.size)
    assert answer["jobs"] == [TranscodeJob.objects.get().job_id]
    assert_problem(editor.get(f"/api/videos/{UNKNOWN}"), 404)


def test_a_video_is_renamed_and_moved(editor: FlaskClient, video: Media) -> None:
    body = {"kind": "film", "name": "Low Tide"}
    title = editor.post("/api/titles", json=body).get_json()["id"]
    moved = editor.patch(path_of(video), json={"titleId": title}).get_json()
    assert (moved["name"], moved["titleId"]) == ("Low Tide", title)
    named = editor.patch(path_of(video), json={"name": " The cut of Friday "}).get_json()
    assert (named["name"], named["titleId"]) == ("The cut of Friday", title)
    back = editor.patch(path_of(video), json={"name": None, "titleId": None}).get_json()
    assert (back["name"], back["titleId"]) == ("My Film (1).mp4", None)
    assert AuditEntry.objects(action="change", target=video.media_id).count() == 3
    assert "'nothing'" in assert_problem(
        editor.patch(path_of(video), json={"titleId": "nothing"}), 422
    )
    assert_problem(editor.patch(path_of(video), json={"name": "a\tb"}), 422)
    assert_problem(editor.patch(path_of(video), json={"filename": "x"}), 422)


def test_a_replaced_source_is_encoded_and_the_stream_plays_on(
    editor: FlaskClient, playable: Media
) -> None:
    former = playable.source_key

    def another() -> dict[str, object]:
        return {"video": (io.BytesIO(b"another film"), "Cut 2.mp4", "video/mp4")}

    answer = editor.post(path_of(playable, "source"), data=another())
    assert answer.status_code == 202, answer.text
    new = Media.objects.get(media_id=playable.media_id)
    assert (new.filename, new.size, new.source_key == former) == ("Cut 2.mp4", 12, False)
    assert get_storage().get_bytes(new.source_key) == b"another film"
    assert get_storage().head(former) is not None
    assert new.master_key == playable.master_key
    first, second = TranscodeJob.objects.order_by("created_at")
    assert (first.status, second.status) == (Status.cancelled, Status.waiting)
    assert answer.get_json()["jobId"] == second.job_id
    assert editor.get(path_of(playable, "source")).data == b"another film"
    # It goes when the stream of the new one is live.
    assert remove_former_sources() == 0
    Stream.objects(job_id=second.job_id).update_one(set__state="live")
    built = Stream.objects.get(job_id=second.job_id)
    Media.objects(media_id=playable.media_id).update_one(set__live_stream=built.stream_id)
    assert remove_former_sources() == 1
    assert get_storage().head(former) is None
    assert get_storage().head(new.source_key) is not None
    assert_problem(editor.post(f"/api/videos/{UNKNOWN}/source", data=another()), 404)
    assert_problem(editor.post(path_of(playable, "source"), data={"x": "y"}), 415)


def test_the_source_is_downloaded_as_it_was_put_in(editor: FlaskClient, video: Media) -> None:
    answer = editor.get(path_of(video, "source"))
    assert answer.data == get_storage().get_bytes(video.source_key)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert (
        "attachment; filename=\"My-Film-1.mp4\"; filename*=UTF-8''My%20Film%20%281%29.mp4"
        in (answer.headers["Content-Disposition"])
    )
    part = editor.get(path_of(video, "source"), headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.data) == (206, answer.data[5:10])


def test_a_rendition_is_downloaded_as_one_mp4(
    editor: FlaskClient, playable: Media, tools: Tools, tmp_path: Path
) -> None:
    path = path_of(playable, "renditions", "180p.mp4")
    answer = editor.get(path)
    assert answer.content_length == len(answer.data)
    file = tmp_path / "film.mp4"
    file.write_bytes(answer.data)
    shown = "stream=codec_name,nb_read_frames,start_time,duration"
    command = [tools.ffprobe, "-v", "error", "-count_frames", "-show_entries", shown]
    probed = subprocess.run(
        [*command, "-of", "csv=p=0", str(file)], capture_output=True, text=True, check=True
    )
    assert probed.stderr == ""
    video, sound = (line.split(",") for line in probed.stdout.split())
    assert (video[0], int(video[3]), sound[0]) == ("h264", SECONDS * 25, "aac")
    assert float(video[1]) < 0.1
    assert float(sound[1]) < 0.1
    assert float(video[2]) == pytest.approx(SECONDS, abs=0.1)
    middle = len(answer.data) // 2
    for asked, expected in (
        ("bytes=0-99", answer.data[:100]),
        (f"bytes={middle}-", answer.data[middle:]),
        ("bytes=-7", answer.data[-7:]),
    ):
        part = editor.get(path, headers={"Range": asked})
        assert (part.status_code, part.data) == (206, expected)
    beyond = {"Range": f"bytes={len(answer.data)}-"}
    assert_problem(editor.get(path, headers=beyond), 416)
    problem = assert_problem(editor.get(path_of(playable, "renditions", "8k.mp4")), 404)
    assert "180p" in problem


def test_a_share_link_plays_one_video_until_it_is_ended(
    app: Flask, editor: FlaskClient, playable: Media, client: FlaskClient
) -> None:
    other = f"/media/{keys.video(playable.media_id, 'master.m3u8')}"
    assert client.get(other).status_code == 401
    made = editor.post(path_of(playable, "shares"), json={"days": 2})
    assert made.status_code == 201, made.text
    share = made.get_json()
    url = urlsplit(share["url"]).path
    assert editor.get(path_of(playable, "shares")).get_json() == {"shares": [share]}
    for name in ("master.m3u8", "180p/playlist.m3u8", "audio/playlist.m3u8"):
        address = url.removesuffix("master.m3u8") + name
        answer = client.get(address)
        assert answer.status_code == 200, name
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        for file in m3u8.loads(answer.text).files:
            below = address.rpartition("/")[0] + "/" + str(file)
            assert client.get(below).status_code == 200, below
    for wrong in ("../../sources/x", "%2e%2e/x", "nothing.m4s", ".hidden"):
        assert client.get(url.removesuffix("master.m3u8") + wrong).status_code == 404
    assert client.get(url.replace("/share/", "/share/x")).status_code == 404

    assert editor.delete(path_of(playable, "shares", share["id"])).status_code == 204
    assert_problem(client.get(url), 404)
    assert_problem(editor.delete(path_of(playable, "shares", share["id"])), 404)
    assert editor.get(path_of(playable, "shares")).get_json() == {"shares": []}


def test_a_share_link_ends_by_itself(
    editor: FlaskClient, playable: Media, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = urlsplit(editor.post(path_of(playable, "shares"), json={}).get_json()["url"]).path
    assert client.get(url).status_code == 200
    monkeypatch.setattr(share_links, "TRUSTED_SECONDS", 0.0)
    share_links._known.clear()
    Share.objects.update(set__expires_at=now() - timedelta(seconds=1))
    assert client.get(url).status_code == 404
    for days in (0, 366, "2", 1.5):
        assert_problem(editor.post(path_of(playable, "shares"), json={"days": days}), 422)


def test_a_deleted_video_leaves_nothing(editor: FlaskClient, playable: Media) -> None:
    kept = uploaded(editor, name="Kept.mp4")
    media_id = playable.media_id
    job = TranscodeJob.objects.get(media_id=media_id)
    get_storage().put_bytes(keys.work(job.job_id, "chunk", "a.m4s"), b"x")
    get_storage().put_bytes(keys.module(media_id, "m", "transcript.json"), b"x")
    get_storage().writer(keys.source(media_id, "half.mp4"), most=1).write(b"x" * 8 * 1024**2)
    editor.post(f"/api/media/{media_id}/subtitles", data={"subtitle": (a_subtitle(), "a.vtt")})
    editor.post("/api/modules", json={"videoId": media_id})
    editor.post(path_of(playable, "shares"), json={})

    answer = editor.delete(path_of(playable))
    assert (answer.status_code, answer.get_json()["deleted"]) == (202, [media_id])
    assert_problem(editor.get(path_of(playable)), 404)
    assert_problem(editor.get(f"/api/upload/streaming/{media_id}"), 404)
    finish_deletions()
    # Work was under way: a worker may write for a moment more.
    get_storage().put_bytes(keys.work(job.job_id, "late.m4s"), b"x")
    DeletedVideo.objects.update(set__sweep_at=now() - timedelta(seconds=1))
    assert finish_deletions() == 1
    assert sorted(get_storage().list("")) == sorted([keys.owner_mark(), kept["s3Key"]])
    assert list(get_storage().half_uploads("")) == []
    for model in (TranscodeJob, UploadJob, Step, Subtitle, TrainingModule, Share, DeletedVideo):
        assert model.objects.first() is None, model
    assert Media.objects.get().media_id == kept["id"]
    entry = AuditEntry.objects.get(action="delete", target=media_id)
    assert entry.who == "token editor program"
    assert_problem(editor.delete(path_of(playable)), 404)


def a_subtitle() -> io.BytesIO:
    return io.BytesIO(b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n")


def test_many_are_deleted_at_once(editor: FlaskClient, as_program: Callable[..., object]) -> None:
    ids = [uploaded(editor)["id"] for _ in range(3)]
    answer = editor.post("/api/videos/delete", json={"ids": [*ids[:2], UNKNOWN]})
    assert answer.status_code == 202
    assert sorted(answer.get_json()["deleted"]) == sorted(ids[:2])
    assert answer.get_json()["unknown"] == [UNKNOWN]
    assert finish_deletions() == 2
    assert [media.media_id for media in Media.objects] == ids[2:]
    assert len(get_storage().list(keys.sources())) == 1
    wrong: list[dict[str, object]] = [{}, {"ids": []}, {"ids": ["../x"]}, {"all": True}]
    for body in wrong:
        assert_problem(editor.post("/api/videos/delete", json=body), 422)
