"""Encodings of a media that are played here: a few small files in a stream, as its job puts them.

Every file of a stream says by which stream it was written, so that a mixture shows.
"""

import m3u8

from tasks import keys, streams
from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.models import Media, Stream, TranscodeJob
from tests.tasks.rows import a_job, a_media

NAMES = ("init.mp4", "seg_00000.m4s", "seg_00001.m4s")
MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\n720p/playlist.m3u8\n"
PLAYLIST = (
    '#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MAP:URI="init.mp4"\n'
    "#EXTINF:6,\nseg_00000.m4s\n#EXTINF:6,\nseg_00001.m4s\n#EXT-X-ENDLIST\n"
)


def a_published(media: Media | None = None) -> TranscodeJob:
    """A completed job of a media; its stream is live where none of a later job is."""
    job = a_job(media_id=(media or a_media()).media_id, renditions=[{"name": "720p"}])
    lifecycle.activate(job.job_id)
    publish(job)
    assert lifecycle.complete_job(job.job_id, {}) is not None
    return job


def encode(job: TranscodeJob) -> dict[str, int]:
    """Puts a stream's files; bytes by key."""
    stream = streams.of_job(job)
    prefix = streams.prefix(stream)
    files = {f"{prefix}720p/{name}": stream.stream_id.encode() for name in NAMES}
    files[f"{prefix}720p/playlist.m3u8"] = PLAYLIST.encode()
    files[prefix + keys.MASTER] = MASTER.encode()
    for key, data in files.items():
        get_storage().put_bytes(key, data)
    return {key: len(data) for key, data in files.items()}


def publish(job: TranscodeJob) -> bool:
    """Encodes, completes and publishes a job's stream; whether it is live."""
    files = encode(job)
    stream = streams.complete(streams.of_job(job), job, master=MASTER, files=files)
    assert stream is not None
    live = streams.publish_newest(stream)
    streams.write_master(job.media_id)
    return live


def stream_of(job: TranscodeJob) -> Stream:
    """The stream that a job names, as it is now."""
    job_now = TranscodeJob.objects(job_id=job.job_id).get()
    stream: Stream = Stream.objects(stream_id=job_now.stream_id).get()
    return stream


def live_id(media_id: str) -> str | None:
    """The stream that the media's row says is live."""
    live: str | None = Media.objects(media_id=media_id).get().live_stream
    return live


def played(media_id: str) -> str | None:
    """The stream that a player gets by the media's master: every file is read. None without one.

    Fails where a file is missing, or where files of two streams are mixed.
    """
    storage = get_storage()
    try:
        master = m3u8.loads(storage.get_bytes(keys.master(media_id)).decode())
    except KeyError:
        return None
    writers = set()
    assert master.playlists
    for entry in master.playlists:
        folder, _, _ = keys.video(media_id, entry.uri).rpartition("/")
        playlist = m3u8.loads(storage.get_bytes(f"{folder}/playlist.m3u8").decode())
        assert playlist.is_endlist
        uris = [playlist.segment_map[0].uri, *(segment.uri for segment in playlist.segments)]
        assert len(uris) == len(NAMES)
        writers |= {storage.get_bytes(f"{folder}/{uri}").decode() for uri in uris}
    [writer] = writers
    return writer
