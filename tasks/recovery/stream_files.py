"""Compares streams and masters in the bucket with their rows, and repairs what disagrees.

One listing of all keys below ``hls/``, in their order, so that a look costs a request for each
thousand files. What seems to disagree is looked at once more by itself before it is told.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from tasks import keys, streams
from tasks.errors import StorageFailed
from tasks.infra.storage import ObjectInfo, get_storage
from tasks.models import Media, Stream, StreamState, TranscodeJob, stored
from tasks.models.batches import batches
from tasks.models.clock import aware, now
from tasks.recovery.orphan import Orphan
from tasks.recovery.verdict import (
    FilesState,
    Fix,
    LiveState,
    OwnerState,
    Pace,
    StreamSays,
    StreamSituation,
    Subject,
    judge,
)
from tasks.settings import get_settings

log = logging.getLogger(__name__)

#: Age in seconds below which no file without a row is touched.
YOUNG_SECONDS = 3600.0
#: Seconds that whoever publishes a stream gets to write its master.
WRITING_SECONDS = 10.0
#: Media whose rows are read together.
BATCH = 200
KINDS = ("encoding", "master")


@dataclass
class _Folder:
    files: int = 0
    size: int = 0
    newest: datetime | None = None


@dataclass
class _Video:
    """What lies in the bucket of one media: its master, and by folder what its streams have."""

    media_id: str
    master: ObjectInfo | None = None
    folders: dict[str, _Folder] = field(default_factory=dict)

    def add(self, info: ObjectInfo) -> None:
        if info.key == keys.master(self.media_id):
            self.master = info
            return
        name = info.key.removeprefix(keys.video(self.media_id)).partition("/")[0]
        if not keys.STREAM_ID.fullmatch(name):
            if not streams.is_adopted(self.media_id, info.key):
                return
            name = ""
        folder = self.folders.setdefault(name, _Folder())
        folder.files += 1
        folder.size += info.size
        if info.last_modified and (folder.newest is None or info.last_modified > folder.newest):
            folder.newest = info.last_modified


def find() -> Iterator[Orphan]:
    """Everything of streams and masters that a rule calls drift. Raises StorageFailed,
    PyMongoError."""
    for videos in batches(_listed(), BATCH):
        for media_id in _suspects({video.media_id: video for video in videos}):
            yield from look_at(media_id)


def look_at(media_id: str) -> list[Orphan]:
    """The same of one media, as it is now."""
    video = _Video(media_id)
    for info in get_storage().list(keys.video(media_id)).values():
        video.add(info)
    return list(_judged({media_id: video}))


def write_due_masters() -> list[Orphan]:
    """Writes the masters of which who published a stream was killed; what was repaired.

    Costs a look at an index where nothing is due. Raises PyMongoError.
    """
    before = now() - timedelta(seconds=WRITING_SECONDS)
    made = []
    for media in Media.objects(master_due__lt=before).limit(BATCH):
        try:
            streams.settle(media.media_id)
            streams.write_master(media.media_id)
        except StorageFailed as error:
            log.warning("master of %s not written: %s", media.media_id, error.sentence)
            continue
        says = StreamSays.live if media.live_stream else StreamSays.none
        made.append(Orphan("master-differs", "master", keys.master(media.media_id), says))
    return made


def again(orphan: Orphan) -> list[Orphan]:
    """What is found now of the media that a finding is about."""
    return look_at(_media_id(orphan.ref))


def fix(orphan: Orphan, who: str) -> str | None:
    """Does what the rule says about a finding that was just looked at; a sentence, or None where
    there was nothing to do. Raises StorageFailed, PyMongoError."""
    media_id = _media_id(orphan.ref)
    what = orphan.rule.fix
    if what is Fix.write:
        try:
            written = streams.write_master(media_id)
        except streams.NoLiveRow:
            return None
        return "It was written again." if written else "It was removed."
    if what is Fix.settle:
        return "Its state was set." if streams.settle(media_id) else None
    stream_id = _stream_id(orphan)
    if what is Fix.put_another:
        replaced = streams.replace_broken(media_id, stream_id)
        return "Another stream was published in its place." if replaced else None
    stream = Stream.objects(media_id=media_id, stream_id=stream_id).first()
    if stream is None:
        count = get_storage().delete_prefix(orphan.ref)
        return f"{count:,} file{'' if count == 1 else 's'} removed."
    if orphan.rule_id == "stream-abandoned":
        streams.give_up(stream)
    removed = streams.remove_files(stream)
    return None if removed is None else f"{removed:,} file{'' if removed == 1 else 's'} removed."


def _listed() -> Iterator[_Video]:
    """Every media of which something lies in the bucket, and every one that has a live stream."""
    seen: set[str] = set()
    found = (info for page in get_storage().pages(keys.streams()) for info in page)
    for media_id, infos in groupby(found, lambda info: _media_id(info.key)):
        video = _Video(media_id)
        for info in infos:
            video.add(info)
        seen.add(media_id)
        yield video
    playable = stored.collection(Media).find({"master_key": {"$gt": ""}}, {"media_id": 1})
    yield from (_Video(row["media_id"]) for row in playable if row["media_id"] not in seen)
    kept = {"state": {"$in": [StreamState.retired.value, StreamState.building.value]}}
    rows = stored.collection(Stream).distinct("media_id", kept)
    yield from (_Video(media_id) for media_id in rows if media_id not in seen)


def _suspects(videos: Mapping[str, _Video]) -> list[str]:
    return list(dict.fromkeys(_media_id(orphan.ref) for orphan in _judged(videos)))


def _judged(videos: Mapping[str, _Video]) -> Iterator[Orphan]:
    medias = {media.media_id: media for media in Media.objects(media_id__in=list(videos))}
    rows: dict[str, list[Stream]] = {}
    for media in medias.values():
        if media.master_key and not media.live_stream:
            streams.adopt(media)
    for stream in Stream.objects(media_id__in=list(videos)).exclude("master"):
        rows.setdefault(stream.media_id, []).append(stream)
    builds = _builds(stream for of_media in rows.values() for stream in of_media)
    for media_id, video in videos.items():
        media = medias.get(media_id)
        if media is None:
            # All its files are an orphan together, and streams of it may only be in removal.
            continue
        # The master first: no stream goes while players are given it.
        yield from _judge_master(media, video)
        yield from _judge_streams(media, rows.get(media_id, []), video, builds)


def _builds(found: Iterable[Stream]) -> dict[str, str | None]:
    """By job id the stream that it names."""
    ids = {stream.job_id for stream in found if stream.state == StreamState.building}
    rows = stored.collection(TranscodeJob).find(
        {"job_id": {"$in": list(ids)}}, {"job_id": 1, "stream_id": 1}
    )
    return {row["job_id"]: row.get("stream_id") for row in rows}


def _judge_streams(
    media: Media, rows: list[Stream], video: _Video, builds: Mapping[str, str | None]
) -> Iterator[Orphan]:
    known = {stream.folder: stream for stream in rows}
    live = media.live_stream
    for stream in rows:
        folder = video.folders.get(stream.folder, _Folder())
        owner = builds.get(stream.job_id) == stream.stream_id
        situation = StreamSituation(
            Subject.stream,
            StreamSays(stream.state),
            _live(live, stream.stream_id),
            OwnerState.there if owner else OwnerState.gone,
            _files(stream, folder),
            _pace(stream, folder),
        )
        yield from _told(situation, stream, folder)
    for name, folder in video.folders.items():
        if name and name not in known:
            stream = Stream(stream_id=name, media_id=media.media_id, folder=name)
            situation = StreamSituation(
                Subject.stream,
                StreamSays.none,
                _live(live, name),
                OwnerState.gone,
                FilesState.whole,
                _young(folder.newest),
            )
            yield from _told(situation, stream, folder)
    if live and live not in {stream.stream_id for stream in rows} | video.folders.keys():
        stream = Stream(stream_id=live, media_id=media.media_id, folder=live)
        situation = StreamSituation(
            Subject.stream, StreamSays.none, LiveState.this, OwnerState.gone, FilesState.none
        )
        yield from _told(situation, stream, _Folder())


def _told(situation: StreamSituation, stream: Stream, folder: _Folder) -> Iterator[Orphan]:
    rule = judge(situation)
    if rule.drift:
        ref = keys.stream(stream.media_id, stream.folder)
        since = folder.newest or stream.retired_at or stream.created_at
        yield Orphan(
            rule.id,
            "encoding",
            ref if stream.folder else f"{ref} {stream.stream_id}",
            situation.stream,
            folder.files,
            folder.size,
            since.isoformat() if since else "",
            stream.job_id,
        )


def _judge_master(media: Media, video: _Video) -> Iterator[Orphan]:
    due_at = media.master_due
    moved = due_at is not None and (now() - due_at) < timedelta(seconds=WRITING_SECONDS)
    situation = StreamSituation(
        Subject.master,
        live=LiveState.this if media.live_stream else LiveState.none,
        files=_master_files(media, video.master),
        pace=Pace.moved if moved else Pace.still,
    )
    rule = judge(situation)
    if rule.drift:
        master = video.master
        yield Orphan(
            rule.id,
            "master",
            keys.master(media.media_id),
            StreamSays.live if media.live_stream else StreamSays.none,
            1 if master else 0,
            master.size if master else 0,
            (due_at or media.published_at or now()).isoformat(),
        )


def _master_files(media: Media, master: ObjectInfo | None) -> FilesState:
    if master is None:
        return FilesState.none
    if not media.live_stream or (media.master_etag is None and media.master_stream is None):
        # Nothing is known of what an earlier version wrote.
        return FilesState.whole
    if media.master_stream != media.live_stream:
        return FilesState.lacking
    if master.etag == media.master_etag:
        return FilesState.whole
    # Some storages make other etags than the MD5.
    try:
        data = get_storage().get_bytes(master.key)
    except KeyError:
        return FilesState.none
    same = hashlib.md5(data, usedforsecurity=False).hexdigest() == media.master_etag
    return FilesState.whole if same else FilesState.lacking


def _live(live: str | None, stream_id: str) -> LiveState:
    if live == stream_id:
        return LiveState.this
    return LiveState.another if live else LiveState.none


def _files(stream: Stream, folder: _Folder) -> FilesState:
    if not folder.files:
        return FilesState.none
    whole = folder.files >= stream.files and folder.size >= (stream.size if stream.files else 0)
    return FilesState.whole if whole else FilesState.lacking


def _pace(stream: Stream, folder: _Folder) -> Pace:
    if stream.state == StreamState.retired:
        kept = timedelta(hours=get_settings().keep_retired_hours)
        return Pace.still if now() - (stream.retired_at or now()) >= kept else Pace.resting
    return _young(folder.newest or stream.created_at)


def _young(moment: datetime | None) -> Pace:
    if moment is None:
        return Pace.still
    return Pace.moved if now() - aware(moment) < timedelta(seconds=YOUNG_SECONDS) else Pace.still


def _media_id(ref: str) -> str:
    return ref.removeprefix(keys.streams()).partition("/")[0]


def _stream_id(orphan: Orphan) -> str:
    """Of the folder, or what follows the prefix of a stream without a folder of its own."""
    path, _, stream_id = orphan.ref.partition(" ")
    return stream_id or path.rstrip("/").rpartition("/")[2]
