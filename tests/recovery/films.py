"""Films whose every frame carries its number: put in at one end, read at the other."""

import uuid
from itertools import pairwise
from pathlib import Path

import m3u8

from tasks import keys
from tasks.jobs.submit import submit
from tasks.media.tools import Tools
from tasks.models import Media, Stream, TranscodeJob
from tasks.models.clock import now
from tests.media.clips import HEIGHT, packet_times, read_numbers
from tests.recovery.waiting import until
from tests.servers import Servers

RATE = 25
#: Seconds of one segment, and of one chunk too in most of these tests.
SEGMENT_SECONDS = 6
RENDITION = f"{HEIGHT}p"


def put_in(servers: Servers, clip: Path) -> Media:
    """A media with the clip as its source."""
    media_id = str(uuid.uuid4())
    key = keys.source(media_id, clip.name)
    servers.s3_client.upload_file(str(clip), servers.bucket, key)
    media = Media(
        media_id=media_id,
        filename=clip.name,
        source_key=key,
        size=clip.stat().st_size,
        created_at=now(),
    )
    media.save()
    return media


def job_of(servers: Servers, clip: Path) -> TranscodeJob:
    """A new job on a new media with the clip as its source."""
    return submit(put_in(servers, clip), who="a test")


def check_stream(
    servers: Servers, tools: Tools, job: TranscodeJob, folder: Path, frames: int
) -> None:
    """Every frame once and in order, every segment once, and nothing else left in the bucket."""
    media = Media.objects(media_id=job.media_id).get()
    assert media.master_key == keys.master(media.media_id)
    until(lambda: not _keys(servers, keys.work_areas()), "an empty work area", 30)
    stream = Stream.objects(stream_id=media.live_stream).get()
    assert stream.job_id == job.job_id
    answer = servers.s3_client.get_object(Bucket=servers.bucket, Key=media.master_key)
    assert f"\n{stream.folder}/{RENDITION}/" in answer["Body"].read().decode()
    prefix = keys.stream(media.media_id, stream.folder)
    published = {key.removeprefix(prefix): key for key in _keys(servers, prefix)}
    assert "master.m3u8" in published
    for name, key in published.items():
        path = folder / "stream" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        servers.s3_client.download_file(servers.bucket, key, str(path))
    playlist = folder / "stream" / RENDITION / "playlist.m3u8"
    segments = [f"{RENDITION}/{segment.uri}" for segment in m3u8.load(str(playlist)).segments]
    assert len(segments) == -(-frames // (RATE * SEGMENT_SECONDS))
    assert segments == sorted(
        name for name in published if name.startswith(f"{RENDITION}/") and name.endswith(".m4s")
    )
    check_frames(tools, playlist, frames)


def check_frames(tools: Tools, playlist: Path, frames: int) -> None:
    """Every frame of the film once and in order, evenly spaced, as ffprobe and ffmpeg read it."""
    times, tick = packet_times(tools, playlist)
    steps = {float((late - early) * tick) for early, late in pairwise(times)}
    assert len(times) == frames
    assert all(abs(step - 1 / RATE) < 1e-4 for step in steps), steps
    assert read_numbers(tools, playlist) == list(range(frames))


def _keys(servers: Servers, prefix: str) -> list[str]:
    pages = servers.s3_client.get_paginator("list_objects_v2").paginate(
        Bucket=servers.bucket, Prefix=prefix
    )
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]
