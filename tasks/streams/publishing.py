"""Which stream of a media is live: one conditional update of the media's row, then its master.

The row is the truth. Whoever is killed in between leaves a master that is not the row's, or a
stream whose state is not, and the reconciler brings both up to it.
"""

import logging
from collections.abc import Collection
from typing import Any

from tasks import keys
from tasks.errors import StorageFailed
from tasks.feed import events
from tasks.models import Media, Stream, StreamState, stored
from tasks.models.clock import now
from tasks.records import audit
from tasks.streams.master import base_text, write_master
from tasks.streams.reading import NotPublishable, find, live_of, playlist_keys
from tasks.streams.removal import whole
from tasks.subtitles.changes import mark_due
from tasks.subtitles.tracks import SAME_SECONDS

log = logging.getLogger(__name__)

#: Said of a stream that is complete and is not published by itself.
NOT_NEWEST = (
    "Not published: a stream of a job that was asked for later is live. "
    "It can be published on the video's page."
)


def publish_newest(stream: Stream) -> bool:
    """Makes a complete stream live, unless that of a job that was asked for later ever was.

    Whether it is live afterwards. It is published by itself once: where a person has published
    another stream since, that one stays. The caller writes the master.
    """
    later = {"published_order": {"$gte": stream.asked_at}, "live_stream": {"$ne": None}}
    done = _make_live(stream, {"$nor": [later]}, "dailies", published_order=stream.asked_at)
    media = Media.objects(media_id=stream.media_id).only("live_stream").first()
    live = media is not None and media.live_stream == stream.stream_id
    if not done and not live:
        # Complete, and not for players: it goes as those do that were replaced.
        Stream.objects(stream_id=stream.stream_id, state=StreamState.building.value).update_one(
            set__state=StreamState.retired.value, set__retired_at=now()
        )
    return live


def publish(media_id: str, stream_id: str, who: str) -> Stream:
    """Makes any complete stream of a media live, as a person asks, and writes the master.

    Raises NoSuchStream, NotPublishable, StorageFailed.
    """
    stream = find(media_id, stream_id)
    if stream.complete_at is None:
        raise NotPublishable(f"The stream {stream_id} is not complete, so it cannot be published.")
    media = Media.objects(media_id=media_id).first()
    live = live_of(media) if media is not None else None
    if live is None or live.stream_id != stream_id:
        if not whole(stream):
            raise NotPublishable(f"Files of the stream {stream_id} are gone: encode it again.")
        _make_live(stream, {}, who)
        audit.record(
            who,
            "stream.publish",
            kind="media",
            target=media_id,
            detail=f"Published the stream {stream_id}.",
            stream=stream_id,
            instead_of=live.stream_id if live is not None else None,
        )
    write_master(media_id)
    return find(media_id, stream_id)


def replace_broken(media_id: str, stream_id: str) -> bool:
    """Publishes the newest other complete stream whose files are there in place of a live one.

    False where there is none. The other stays retired until it goes as others do. Raises
    StorageFailed.
    """
    others = Stream.objects(
        media_id=media_id,
        complete_at__ne=None,
        state=StreamState.retired.value,
        stream_id__ne=stream_id,
    ).order_by("-asked_at", "-complete_at")
    for other in filter(whole, others):
        still = {"live_stream": stream_id}
        if _make_live(other, still, "dailies", published_order=other.asked_at):
            write_master(media_id)
            return True
    return False


def _make_live(stream: Stream, condition: dict[str, Any], who: str, **fields: Any) -> bool:
    """The one conditional update; False where the condition did not hold.

    ``published_order`` rises to the stream's where ``fields`` do not say it.

    Raises NotPublishable where the stream is removed.
    """
    media = Media.objects(media_id=stream.media_id).first()
    if media is None:
        raise NotPublishable("The video of this stream was deleted.")
    before = live_of(media)
    if before is not None and not before.master:
        _keep_master(before)
    # Before the media's row: who removes retired streams looks at this.
    claimed = Stream.objects(
        stream_id=stream.stream_id, state__ne=StreamState.removed.value
    ).update_one(set__retired_at=None, set__published_by=who)
    if not claimed:
        raise NotPublishable(f"The stream {stream.stream_id} is being removed.")
    query = {"media_id": stream.media_id, "live_stream": {"$ne": stream.stream_id}, **condition}
    values = {
        "live_stream": stream.stream_id,
        "master_key": keys.master(stream.media_id),
        "published_at": now(),
        "master_due": now(),
        "renditions": playlist_keys(stream),
        "stream_size": stream.size,
        "poster_key": stream.poster_key,
        "storyboard_key": stream.storyboard_key,
        **fields,
    }
    if stream.duration is not None:
        values["duration"] = stream.duration
    update: dict[str, Any] = {"$set": values, "$inc": {"master_version": 1}}
    if "published_order" not in fields:
        update["$max"] = {"published_order": stream.asked_at}
    done = stored.collection(Media).update_one(query, update)
    settle(stream.media_id)
    if not done.modified_count:
        return False
    if abs((stream.duration or 0.0) - (media.duration or 0.0)) >= SAME_SECONDS:
        # Its subtitles were cut for another length.
        mark_due(stream.media_id)
    events.publish(
        "streamPublished", kind="media", mediaId=stream.media_id, streamId=stream.stream_id
    )
    events.publish(
        "streamPlayable",
        mediaId=stream.media_id,
        transcodeId=stream.job_id,
        streamId=stream.stream_id,
        until=stream.duration or 0.0,
        duration=stream.duration or 0.0,
        complete=True,
    )
    events.publish("mediaChanged", kind="media", mediaId=stream.media_id)
    return True


def _keep_master(stream: Stream) -> None:
    """Reads what an earlier version wrote, before another stream's master takes its place."""
    try:
        base_text(stream)
    except StorageFailed as error:
        log.warning("%s cannot be published again: %s", stream.stream_id, error.sentence)


def settle(media_id: str) -> bool:
    """Brings the states of a media's streams up to the media's row; whether any was not."""
    media = Media.objects(media_id=media_id).only("live_stream").first()
    live = media.live_stream if media is not None else None
    moment = now()
    replaced = Stream.objects(
        media_id=media_id, state=StreamState.live.value, stream_id__ne=live
    ).update(set__state=StreamState.retired.value, set__retired_at=moment)
    published = live is not None and Stream.objects(
        stream_id=live, state__in=[StreamState.building.value, StreamState.retired.value]
    ).update_one(set__state=StreamState.live.value, set__published_at=moment, set__retired_at=None)
    return bool(replaced or published)


def unpublish(media_ids: Collection[str], *, only: Collection[str] | None = None) -> list[str]:
    """Media have no stream to be played any more; of ``only`` those whose live stream is named.

    Their streams are retired, and their masters deleted. Ids of the media that this was done to.
    Raises StorageFailed.
    """
    done = []
    for media_id in media_ids:
        media = Media.objects(media_id=media_id).first()
        live = live_of(media) if media is not None else None
        if live is None or (only is not None and live.stream_id not in only):
            continue
        if not live.master:
            _keep_master(live)
        if take_off(media_id, live.stream_id):
            done.append(media_id)
    return done


def take_off(media_id: str, stream_id: str) -> bool:
    """The same of one media, where ``stream_id`` is live, whether or not that has a row."""
    taken_off = Media.objects(media_id=media_id, live_stream=stream_id).update_one(
        unset__live_stream=True,
        unset__master_key=True,
        unset__published_at=True,
        unset__published_order=True,
        unset__poster_key=True,
        unset__storyboard_key=True,
        unset__stream_size=True,
        set__renditions={},
        set__master_due=now(),
        inc__master_version=1,
    )
    if not taken_off:
        return False
    settle(media_id)
    write_master(media_id)
    events.publish("mediaChanged", kind="media", mediaId=media_id)
    return True
