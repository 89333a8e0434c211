"""What can be played of a video by now, as every family of the API answers it."""

from pydantic import ConfigDict, Field

from tasks.models import Media
from webapp import playable
from webapp.api.answers import Answer


class Playable(Answer):
    """What players can be given now. ``url`` stays good while the stream grows: a player that
    begins before it is complete plays on to its end."""

    model_config = ConfigDict(from_attributes=True)

    url: str
    until: float = Field(description="Seconds from the beginning that can be played by now.")
    complete: bool


def playable_of(media: Media) -> Playable | None:
    """For who is asking; None while there is nothing to play."""
    now = playable.playable_of(media)
    return Playable.model_validate(now) if now is not None else None
