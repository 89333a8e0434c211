"""The master playlist that players are given: the live stream's, with the media's subtitles."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass

from tasks import keys
from tasks.errors import StorageFailed
from tasks.infra.storage import ObjectInfo, get_storage
from tasks.media.playlists import below, with_subtitles
from tasks.media.presentation import check_subtitles
from tasks.models import Media, Stream, Subtitle
from tasks.streams.reading import NoLiveRow, live_of
from tasks.subtitles.changes import withdraw
from tasks.subtitles.tracks import offered, track_of

#: Rounds in which somebody else may publish another stream meanwhile.
TRIES = 20


@dataclass(frozen=True)
class Written:
    """A master playlist as it was written; ``size`` in bytes, ``moved``: it was put anew."""

    size: int
    moved: bool
    languages: tuple[str, ...]


def write_master(
    media_id: str, *, before_writing: Callable[[], None] | None = None
) -> Written | None:
    """Brings a media's master up to what its row says; None where it has no live stream.

    Reads the row again after it wrote, so that the last of several writers writes what the row says
    last. ``before_writing`` may raise. Raises StorageFailed, NoLiveRow.
    """
    moved = False
    for _ in range(TRIES):
        media = Media.objects(media_id=media_id).first()
        stream = live_of(media) if media is not None else None
        if media is not None and media.live_stream and stream is None:
            raise NoLiveRow(f"The live stream {media.live_stream} has no row.")
        if media is None or stream is None:
            get_storage().delete([keys.master(media_id)])
            if media is None or _forgotten(media):
                return None
            continue
        text, subtitles = master_text(media, stream)
        data = text.encode()
        if _current(keys.master(media_id)) != data:
            if before_writing is not None:
                before_writing()
            key = keys.master(media_id)
            get_storage().put_bytes(key, data, keys.content_type(key))
            moved = True
        languages = tuple(dict.fromkeys(subtitle.language for subtitle in subtitles))
        if _noted(media, stream, data, subtitles, languages):
            return Written(len(data), moved, languages)
    raise StorageFailed("Other streams of this video are being published: it is tried again.")


def _forgotten(media: Media) -> bool:
    """Whether the row still names no stream, after the master was deleted."""
    unlisted = Media.objects(media_id=media.media_id, live_stream=None, master_key=None)
    return bool(
        unlisted.update_one(
            set__master_subtitles=[],
            set__subtitle_languages=[],
            unset__master_stream=True,
            unset__master_etag=True,
            unset__master_due=True,
        )
        or unlisted.first()
    )


def _noted(
    media: Media, stream: Stream, data: bytes, subtitles: list[Subtitle], languages: tuple[str, ...]
) -> bool:
    """Writes what the master is into the row that it was made from; False where that changed."""
    row = Media.objects(
        media_id=media.media_id,
        live_stream=stream.stream_id,
        master_version=media.master_version or 0,
    )
    return bool(
        row.update_one(
            set__master_stream=stream.stream_id,
            set__master_etag=etag_of(data),
            set__master_subtitles=[subtitle.subtitle_id for subtitle in subtitles],
            set__subtitle_languages=list(languages),
            unset__master_due=True,
            inc__master_version=1,
        )
    )


def etag_of(data: bytes) -> str:
    """The etag that storages give to an object that was written whole."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def master_text(media: Media, stream: Stream) -> tuple[str, list[Subtitle]]:
    """The text of a media's master with ``stream`` live, and the subtitles that it lists.

    A subtitle whose files are gone is withdrawn. Raises StorageFailed.
    """
    subtitles = offered(media)
    prefix = keys.video(media.media_id, keys.SUBTITLES, "")
    there = get_storage().list(prefix) if subtitles else {}
    subtitles = _with_files(subtitles, there)
    text = below(base_text(stream), stream.folder)
    text = with_subtitles(text, [track_of(subtitle) for subtitle in subtitles])
    _check(media, text, subtitles, there)
    return text, subtitles


def base_text(stream: Stream) -> str:
    """The stream's own master. Raises StorageFailed where an earlier version made the stream and
    its master is gone."""
    if stream.master:
        return str(stream.master)
    try:
        found = get_storage().get_bytes(keys.master(stream.media_id)).decode()
    except KeyError:
        raise StorageFailed("The master playlist is not in the bucket any more.") from None
    text = with_subtitles(found, ())
    Stream.objects(stream_id=stream.stream_id, master=None).update_one(set__master=text)
    stream.master = text
    return text


def restore_own_master(stream: Stream, there: Collection[str]) -> bool:
    """Writes the master in the folder of a complete stream again where it is not ``there``."""
    key = keys.stream(stream.media_id, stream.folder, keys.MASTER)
    if not (stream.folder and stream.master and stream.complete_at) or key in there:
        return False
    get_storage().put_bytes(key, stream.master.encode(), keys.content_type(key))
    return True


def _with_files(subtitles: list[Subtitle], there: dict[str, ObjectInfo]) -> list[Subtitle]:
    """Those whose playlist is there: a master must not name what is not."""
    kept = []
    for subtitle in subtitles:
        if keys.video(subtitle.media_id, track_of(subtitle).uri) in there:
            kept.append(subtitle)
        else:
            withdraw(subtitle, "Its files are not in the bucket any more.")
    return kept


def _check(
    media: Media, text: str, subtitles: list[Subtitle], there: dict[str, ObjectInfo]
) -> None:
    prefix = keys.video(media.media_id, "")
    uris = [track_of(subtitle).uri for subtitle in subtitles]
    playlists = {uri: get_storage().get_bytes(prefix + uri).decode() for uri in uris}
    sizes = {key.removeprefix(prefix): info.size for key, info in there.items()}
    problems = check_subtitles(text, playlists, sizes, media.duration or 0.0)
    if problems:
        raise StorageFailed(problems[0], log="\n".join(problems))


def _current(key: str) -> bytes | None:
    try:
        return get_storage().get_bytes(key)
    except KeyError:
        return None
