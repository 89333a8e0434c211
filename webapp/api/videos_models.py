"""Requests and answers of ``/api/videos``."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tasks.control.titles import Name
from tasks.models import Media, Share
from webapp import share_links
from webapp.api.answers import Answer, At
from webapp.api.streams import StreamAnswer

MediaId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
#: Videos that one request may delete.
MOST_IDS = 1_000


class ChangeVideo(BaseModel):
    """What is to be another; what is left out stays. ``name`` null: that of its title or file;
    ``titleId`` null: it belongs to none."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: Name | None = None
    title_id: Annotated[str | None, Field(alias="titleId", max_length=100)] = None


class DeleteVideos(BaseModel):
    """The ids of the videos."""

    model_config = ConfigDict(extra="forbid")

    ids: list[MediaId] = Field(min_length=1, max_length=MOST_IDS)


class MakeShare(BaseModel):
    """``days``: how long the link is good."""

    model_config = ConfigDict(extra="forbid")

    days: int = Field(share_links.DAYS, ge=1, le=share_links.MOST_DAYS, strict=True)


class ShareAnswer(Answer):
    """A share link: ``url`` is a master playlist that any player opens."""

    id: str
    url: str
    created_by: str
    created_at: At
    expires_at: At


class SharesAnswer(Answer):
    """The links of a video that can be used, the newest first."""

    shares: list[ShareAnswer]


class StreamingAnswer(Answer):
    """Where a video is played: whole addresses."""

    master: str
    qualities: dict[str, str]


class VideoAnswer(Answer):
    """A video. ``name`` is what people see, ``filename`` the source as it was put in; ``size`` of
    the source in bytes, ``duration`` in seconds; ``streaming`` where there is something to play.
    ``jobs`` and ``modules`` are ids, the newest first."""

    id: str
    name: str
    filename: str
    title_id: str | None
    size: int
    content_type: str | None
    duration: float | None
    uploaded_by: str | None
    created_at: At
    published_at: At | None
    s3_key: str
    streaming: StreamingAnswer | None
    streams: list[StreamAnswer]
    jobs: list[str]
    modules: list[str]


class DeletedAnswer(Answer):
    """Which videos are deleted, and which ids are those of none."""

    deleted: list[str]
    unknown: list[str]


class ReplacedAnswer(Answer):
    """The job that encodes the new source."""

    video_id: str
    job_id: str
    status: Literal["processing"]


def share_answer(share: Share) -> ShareAnswer:
    """A link as it is answered."""
    return ShareAnswer(
        id=share.share_id,
        url=share_links.url_of(share),
        created_by=share.created_by,
        created_at=share.created_at,
        expires_at=share.expires_at,
    )


def shares_answer(media: Media) -> SharesAnswer:
    """The links of a video as they are answered."""
    return SharesAnswer(shares=[share_answer(row) for row in share_links.of_media(media.media_id)])
