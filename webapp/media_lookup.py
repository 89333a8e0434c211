"""Reads what ``webapp.media_state`` judges, and where its pictures and its stream are."""

from dataclasses import dataclass

from tasks.models import Media, TranscodeJob
from webapp import media_state
from webapp.media_state import MediaState
from webapp.playable import Now, playable_of
from webapp.urls import player_url

#: What is read of a media.
FIELDS = ("media_id", "filename", "master_key", "poster_key", "storyboard_key", "duration")


@dataclass(frozen=True)
class Shown:
    """A media's state with addresses: None or empty while there is nothing to be seen."""

    state: MediaState
    manifest_url: str | None
    thumbnails: list[str]
    storyboard_url: str | None
    playable: Now | None


def shown(media_id: str) -> Shown | None:
    """A media as it is now, for who is asking; None where there is no such media.

    Addresses for a program are signed, so that it can hand them on (`webapp.urls`).
    """
    media = Media.objects(media_id=media_id).only(*FIELDS).first()
    if media is None:
        return None
    # Whatever its jobs are called, the newest is made last; two are read where clocks tie.
    jobs = TranscodeJob.objects(media_id=media_id).only(*media_state.FIELDS)
    state = media_state.state_of(media, jobs.order_by("-created_at").limit(2))

    def url(key: str | None) -> str | None:
        return player_url(media_id, key) if key else None

    poster = url(media.poster_key)
    return Shown(
        state=state,
        manifest_url=url(media.master_key),
        thumbnails=[poster] if poster else [],
        storyboard_url=url(media.storyboard_key),
        playable=playable_of(media),
    )
