"""``/api/videos/<id>/streams``: the streams of a video, and which of them players get."""

from typing import Any

from flask import Blueprint, Response
from flask_login import current_user
from pydantic import Field
from werkzeug.exceptions import Conflict, NotFound

from tasks import keys, streams
from tasks.models import Media, Stream, StreamState
from webapp.api import subtitles
from webapp.api.answers import Answer, At, answered
from webapp.auth.access import require_role
from webapp.openapi import documented
from webapp.urls import player_url

bp = Blueprint("api_streams", __name__, url_prefix="/api/videos")


class StreamAnswer(Answer):
    """One encoding of a video. ``size`` in bytes, ``duration`` in seconds; ``publishable`` where it
    is complete and not live."""

    id: str
    video_id: str
    job_id: str | None
    state: StreamState
    complete: bool
    publishable: bool
    renditions: list[str]
    files: int
    size: int
    duration: float | None
    settings: dict[str, Any]
    source: dict[str, Any] = Field(description="`filename` and `size` (bytes) of what was encoded.")
    created_at: At
    complete_at: At | None
    published_at: At | None
    retired_at: At | None
    published_by: str | None
    url: str | None = Field(description="The stream's own master playlist, once it is complete.")


class StreamsAnswer(Answer):
    """The streams of a video that are not removed, the newest first; ``live`` is what players
    get."""

    video_id: str
    live: str | None
    streams: list[StreamAnswer]


@bp.get("/<media_id>/streams")
@require_role("viewer")
@documented("The streams of a video.", tag="Streams", answers={200: StreamsAnswer})
def index(media_id: str) -> Response:
    """What is being built, what is live, and what was and can be published again. 404 no such
    video."""
    media = subtitles.find(media_id)
    found = streams.of_media(media)
    live = Media.objects(media_id=media_id).only("live_stream").first()
    return answered(
        StreamsAnswer(
            video_id=media_id,
            live=live.live_stream if live is not None else None,
            streams=[answer(stream) for stream in found],
        )
    )


@bp.post("/<media_id>/streams/<stream_id>/publish")
@require_role("editor")
@documented("Publishes a stream.", tag="Streams", answers={200: StreamAnswer}, errors=(409,))
def publish(media_id: str, stream_id: str) -> Response:
    """Any complete stream becomes the one that players get, at the same URL; the one before is
    retired. 404 no such video or stream, 409 where it is not complete or files of it are gone."""
    subtitles.find(media_id)
    try:
        return answered(answer(streams.publish(media_id, stream_id, current_user.name)))
    except streams.NoSuchStream as error:
        raise NotFound(str(error)) from None
    except streams.NotPublishable as error:
        raise Conflict(str(error)) from None


def answer(stream: Stream) -> StreamAnswer:
    """A stream as programs are told of it."""
    complete = stream.complete_at is not None
    own = complete and bool(stream.folder)
    return StreamAnswer(
        id=stream.stream_id,
        video_id=stream.media_id,
        job_id=stream.job_id,
        state=StreamState(stream.state),
        complete=complete,
        publishable=complete and stream.state == StreamState.retired,
        renditions=[rendition["name"] for rendition in stream.renditions],
        files=stream.files,
        size=stream.size,
        duration=stream.duration,
        settings=dict(stream.settings),
        source={name: value for name, value in stream.source.items() if name != "key"},
        created_at=stream.created_at,
        complete_at=stream.complete_at,
        published_at=stream.published_at,
        retired_at=stream.retired_at,
        published_by=stream.published_by,
        url=player_url(stream.media_id, streams.prefix(stream) + keys.MASTER) if own else None,
    )
