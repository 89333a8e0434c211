"""A stream is watched while it is made: it grows, nothing of it ever changes, and it ends whole."""

from collections.abc import Callable
from pathlib import Path

import m3u8

from tasks import streams
from tasks.media.plan import GROWING
from tasks.media.tools import Tools
from tasks.models import Media, Status, Step, Stream, TranscodeJob
from tests.recovery.conftest import frames_of
from tests.recovery.films import RENDITION, SEGMENT_SECONDS, check_stream, job_of
from tests.recovery.paced import FAST
from tests.recovery.processes import Dailies
from tests.recovery.waiting import complete, reload, steps, until
from tests.servers import Servers

START = Callable[..., Dailies]
FILM = Callable[[int], Path]
SEGMENTS = 9


def _stream(job: TranscodeJob) -> Stream | None:
    found: Stream | None = streams.growing_of(job.media_id)
    return found


def _playlist(servers: Servers, stream: Stream, name: str) -> str:
    key = streams.prefix(stream) + name
    body = servers.s3_client.get_object(Bucket=servers.bucket, Key=key)["Body"]
    return str(body.read().decode())


def _etags(servers: Servers, stream: Stream) -> dict[str, str]:
    prefix = streams.prefix(stream)
    listed = servers.s3_client.list_objects_v2(Bucket=servers.bucket, Prefix=prefix)
    return {
        entry["Key"].removeprefix(prefix): entry["ETag"]
        for entry in listed.get("Contents", ())
        if not entry["Key"].endswith(".m3u8")
    }


def test_a_stream_grows_outlives_its_worker_and_ends_whole(
    empty: Servers, dailies: START, film: FILM, tools: Tools, tmp_path: Path
) -> None:
    run = dailies(DAILIES_CHUNK_SECONDS="600")
    run.start("reconciler")
    worker = run.worker(pace=1.5, threads=3)
    job = job_of(empty, film(SEGMENTS))
    # In the middle of the last and longest chunk, of which a viewer has the beginning.
    chunk = until(lambda: _half_made(job), "a chunk of which some segments were sent", 120)
    worker.hold(chunk)
    before = chunk.part["renditions"][0]["segments"]
    plan = reload(job).plan
    seconds = (plan["chunks"][chunk.index]["first_segment"] + len(before)) * SEGMENT_SECONDS
    stream = until(lambda: _reaches(job, seconds), "the stream as far as that")
    _check_growing(empty, stream)
    published, text = _etags(empty, stream), _playlist(empty, stream, f"{RENDITION}/{GROWING}")
    worker.process.kill()
    worker.popen.wait()
    run.worker(pace=FAST, threads=3)
    complete(job)

    again = Step.objects(job_id=chunk.job_id).get()
    assert again.attempt == 2
    assert again.result["renditions"][0]["segments"][: len(before)] == before
    media = Media.objects(media_id=job.media_id).get()
    whole = streams.live_of(media)
    assert whole is not None
    assert whole.stream_id == stream.stream_id
    after = _etags(empty, stream)
    assert {name: after[name] for name in published} == published
    # Whoever watches the playlist that grew comes to its end.
    grown = _playlist(empty, stream, f"{RENDITION}/{GROWING}")
    assert grown == _playlist(empty, stream, f"{RENDITION}/playlist.m3u8")
    uris = [segment.uri for segment in m3u8.loads(grown).segments]
    assert uris[: len(m3u8.loads(text).segments)] == [s.uri for s in m3u8.loads(text).segments]
    check_stream(empty, tools, job, tmp_path, frames_of(SEGMENTS))


def _half_made(job: TranscodeJob) -> Step | None:
    for step in steps(job):
        sent = step.part.get("renditions", [{}])[0].get("segments", ())
        if step.status == Status.active and len(sent) >= 2:
            return step
    return None


def _reaches(job: TranscodeJob, seconds: float) -> Stream | None:
    stream = _stream(job)
    return stream if stream is not None and stream.playable_until >= seconds - 0.01 else None


def _check_growing(servers: Servers, stream: Stream) -> None:
    """What a player is given names only what is there, in order, and says that more comes."""
    there = _etags(servers, stream)
    master = m3u8.loads(_playlist(servers, stream, GROWING))
    assert [entry.uri for entry in master.playlists] == [f"{RENDITION}/{GROWING}"]
    assert master.playlists[0].stream_info.bandwidth > 0
    playlist = m3u8.loads(_playlist(servers, stream, f"{RENDITION}/{GROWING}"))
    assert (playlist.playlist_type, playlist.is_endlist) == ("event", False)
    assert playlist.target_duration == SEGMENT_SECONDS
    assert [segment.uri for segment in playlist.segments] == [
        f"seg_{number:05d}.m4s" for number in range(len(playlist.segments))
    ]
    assert {f"{RENDITION}/{segment.uri}" for segment in playlist.segments} <= set(there)
    seconds = sum(segment.duration for segment in playlist.segments)
    assert seconds >= stream.playable_until - 0.01
