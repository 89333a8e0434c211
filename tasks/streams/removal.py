"""Which streams may be removed, and their removal: the row says so first, then the files go."""

from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta
from typing import Any

from tasks import keys
from tasks.infra.storage import get_storage
from tasks.models import Media, Stream, StreamState
from tasks.models.clock import now
from tasks.settings import get_settings
from tasks.streams.master import write_master
from tasks.streams.reading import NoLiveRow, adopt, prefix


def abandon(job_ids: Collection[str]) -> list[Stream]:
    """The streams that jobs began and did not complete, marked as removed: nobody writes them on.

    Those that an earlier call marked are among them, so that who was killed goes on. Their files
    are for the caller (``own_prefixes``).
    """
    incomplete = Stream.objects(job_id__in=list(job_ids), complete_at=None)
    incomplete.filter(state=StreamState.building.value).update(
        set__state=StreamState.removed.value, set__removed_at=now()
    )
    streams = list(incomplete.filter(state=StreamState.removed.value))
    forget_pictures(streams)
    return streams


def give_up(stream: Stream) -> bool:
    """Marks a stream that is not complete as removed; False where it is something else by now."""
    marked = Stream.objects(
        stream_id=stream.stream_id, state=StreamState.building.value, complete_at=None
    ).update_one(set__state=StreamState.removed.value, set__removed_at=now())
    return bool(marked)


def whole(stream: Stream) -> bool:
    """Whether a complete stream has as many files and bytes as when it was completed. Raises
    StorageFailed."""
    there = files(stream)
    size = sum(info.size for info in there.values())
    return len(there) >= max(1, stream.files) and (not stream.files or size >= stream.size)


def completed_by(job_ids: Collection[str], media_ids: Collection[str]) -> list[Stream]:
    """The complete streams of jobs (of these media) that are not removed."""
    for media in Media.objects(media_id__in=list(media_ids), live_stream=None, master_key__gt=""):
        adopt(media)
    kept = [StreamState.live.value, StreamState.retired.value]
    return list(Stream.objects(job_id__in=list(job_ids), state__in=kept))


def discard(stream: Stream) -> bool:
    """Marks a retired stream whose files are missing as removed; False where it is live."""
    marked = Stream.objects(stream_id=stream.stream_id, state=StreamState.retired.value).update_one(
        set__state=StreamState.removed.value, set__removed_at=now()
    )
    return bool(marked)


def own_prefixes(streams: Iterable[Stream]) -> list[str]:
    """Prefixes of the keys of streams that have a folder of their own."""
    return [prefix(stream) for stream in streams if stream.folder]


def forget_pictures(streams: Iterable[Stream]) -> None:
    """Posters and storyboards of removed streams are shown no more."""
    for stream in streams:
        for name in ("poster_key", "storyboard_key"):
            if key := getattr(stream, name):
                Media.objects(media_id=stream.media_id, **{name: key}).update_one(
                    **{f"unset__{name}": True}
                )


def expired() -> Iterator[Stream]:
    """Streams that were retired long enough ago to be removed."""
    before = now() - timedelta(hours=get_settings().keep_retired_hours)
    return iter(Stream.objects(state=StreamState.retired.value, retired_at__lte=before))


def remove_files(stream: Stream) -> int | None:
    """Removes a retired or removed stream that nobody is given; how many files, None where it may
    not be removed (any more). Raises StorageFailed."""
    before = now() - timedelta(hours=get_settings().keep_retired_hours)
    retired = Stream.objects(
        stream_id=stream.stream_id, state=StreamState.retired.value, retired_at__lte=before
    )
    marked = retired.update_one(set__state=StreamState.removed.value, set__removed_at=now())
    used = {"$or": [{"live_stream": stream.stream_id}, {"master_stream": stream.stream_id}]}
    media = Media.objects(__raw__={"media_id": stream.media_id, **used}).only("live_stream").first()
    if media is not None and media.live_stream != stream.stream_id:
        # The master still names it: it is due to be written.
        try:
            write_master(stream.media_id)
        except NoLiveRow:
            return None
        media = Media.objects(media_id=stream.media_id, live_stream=stream.stream_id).first()
    if media is not None:
        if marked:
            # It was published between the two.
            Stream.objects(stream_id=stream.stream_id).update_one(
                set__state=StreamState.live.value, unset__removed_at=True
            )
        return None
    row = Stream.objects(stream_id=stream.stream_id).only("state").first()
    if row is None or row.state != StreamState.removed:
        return None
    forget_pictures([stream])
    found = files(stream)
    get_storage().delete(list(found))
    if stream.folder:
        get_storage().abort_uploads(prefix(stream))
    return len(found)


def files(stream: Stream) -> dict[str, Any]:
    """What lies in the bucket of a stream, by key. Raises StorageFailed."""
    there = get_storage().list(prefix(stream))
    if stream.folder:
        return dict(there)
    return {key: info for key, info in there.items() if is_adopted(stream.media_id, key)}


def is_adopted(media_id: str, key: str) -> bool:
    """Whether a file of a media belongs to the stream that has no folder of its own."""
    first, slash, _ = key.removeprefix(keys.video(media_id)).partition("/")
    if not slash:
        return first != keys.MASTER
    return first != keys.SUBTITLES and not keys.STREAM_ID.fullmatch(first)
