"""The streams of a video for programs: what there is, and which one players get."""

from collections.abc import Callable

from flask.testing import FlaskClient

from tasks import keys
from tasks.infra.redis_client import get_redis
from tasks.infra.storage import get_storage
from tasks.models import AuditEntry, Media
from tests.tasks.rows import a_job, a_media
from tests.tasks.streams.encodings import a_published, encode, played, stream_of
from tests.webapp.test_errors import assert_problem


def test_streams_are_listed_and_any_complete_one_is_published(
    editor: FlaskClient, as_program: Callable[[str], FlaskClient]
) -> None:
    get_storage().ensure_bucket()
    get_redis().flushall()
    media = a_media()
    old, live = a_published(media), a_published(media)
    building = a_job(media_id=media.media_id)
    encode(building)
    path = f"/api/videos/{media.media_id}/streams"

    listed = editor.get(path).get_json()

    assert listed["live"] == stream_of(live).stream_id
    assert [(one["state"], one["publishable"], one["jobId"]) for one in listed["streams"]] == [
        ("building", False, building.job_id),
        ("live", False, live.job_id),
        ("retired", True, old.job_id),
    ]
    assert listed["streams"][1]["files"] == 5
    assert "url" not in listed["streams"][0] or listed["streams"][0]["url"] is None
    # A stream that is not live can be looked at before it is published.
    own = listed["streams"][2]["url"]
    assert own.endswith(f"{media.media_id}/{stream_of(old).stream_id}/master.m3u8")
    assert editor.get(own).data.startswith(b"#EXTM3U")

    for client, stream, status in (
        (as_program("viewer"), stream_of(old).stream_id, 403),
        (editor, "0123456789ab", 404),
        (editor, "../x", 404),
        (editor, stream_of(building).stream_id, 409),
    ):
        assert_problem(client.post(f"{path}/{stream}/publish"), status)
    answer = editor.post(f"{path}/{stream_of(old).stream_id}/publish")
    assert (answer.status_code, answer.get_json()["state"]) == (200, "live")
    assert played(media.media_id) == stream_of(old).stream_id
    assert AuditEntry.objects(action="stream.publish").get().target == media.media_id
    assert Media.objects(media_id=media.media_id).get().master_key == keys.master(media.media_id)
    assert_problem(editor.get("/api/videos/nothing/streams"), 404)


def test_files_that_never_change_are_cached_and_others_are_asked_about(
    editor: FlaskClient,
) -> None:
    get_storage().ensure_bucket()
    job = a_published()
    prefix = keys.stream(job.media_id, stream_of(job).folder)
    for key, caching in {
        f"{prefix}720p/init.mp4": keys.IMMUTABLE,
        f"{prefix}720p/seg_00000.m4s": keys.IMMUTABLE,
        f"{prefix}720p/playlist.m3u8": "private, no-cache",
        keys.master(job.media_id): "private, no-cache",
    }.items():
        assert editor.get(f"/media/{key}").headers["Cache-Control"] == caching
        stored = get_storage().client.head_object(Bucket=get_storage().bucket, Key=key)
        assert stored["CacheControl"] == caching.removeprefix("private, ")
