"""What can be played of a video now: its live stream, or one that is still being made."""

from dataclasses import dataclass

from tasks import keys, streams
from tasks.media.plan import GROWING
from tasks.models import Media
from webapp.urls import player_url


@dataclass(frozen=True)
class Source:
    """A master playlist's ``key``; ``until`` is how far it reaches, ``duration`` the film's length,
    both in seconds."""

    key: str
    until: float
    duration: float
    complete: bool


@dataclass(frozen=True)
class Now:
    """What players can be given now: the master playlist's address, how many seconds from the
    beginning it has by now, and whether that is all."""

    url: str
    until: float
    complete: bool


def source_of(media: Media) -> Source | None:
    """The master playlist to play a media from, or None while there is nothing to play.

    A stream that is complete goes before one that is being made.
    """
    if media.master_key:
        duration = media.duration or 0.0
        return Source(media.master_key, duration, duration, complete=True)
    stream = streams.growing_of(media.media_id)
    if stream is None:
        return None
    key = keys.stream(media.media_id, stream.folder, GROWING)
    duration = stream.duration or media.duration or stream.playable_until
    return Source(key, stream.playable_until, duration, complete=False)


def playable_of(media: Media) -> Now | None:
    """The same for who is asking; needs a request."""
    source = source_of(media)
    if source is None:
        return None
    url = player_url(media.media_id, source.key)
    return Now(url, round(source.until, 3), source.complete)
