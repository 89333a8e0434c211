"""``/api/admin/media``: how far a media is, in four words, for who embeds it elsewhere.

The path says admin, since it is that of the API it stands for; who may view may read it. It tells
nothing that a viewer could not read of the same media elsewhere, and a page that shows a status to
viewers must not carry an admin's token.
"""

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.exceptions import BadRequest, NotFound

from tasks.models import Status
from webapp import media_lookup
from webapp.api.answers import Answer, answered
from webapp.api.bodies import parsed_query
from webapp.api.playable_answer import Playable
from webapp.auth.access import require_role
from webapp.media_lookup import Shown
from webapp.media_state import MediaStatus
from webapp.openapi import documented

bp = Blueprint("api_admin_media", __name__, url_prefix="/api/admin/media")


class MediaQuery(BaseModel):
    """Which media."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    media_id: str = Field(alias="mediaId", min_length=1, max_length=100)


class MediaJob(Answer):
    """Where a media stands. ``thumbnails`` are pictures of it: its poster, once there is one."""

    media_id: str
    status: MediaStatus
    file_name: str
    job_id: str | None
    job_state: Status | None
    progress: int = Field(ge=0, le=100, description="Whole percent.")
    manifest_url: str | None = Field(description="The HLS master playlist.")
    playable: Playable | None = Field(description="What can be played by now.")
    thumbnails: list[str]
    storyboard_url: str | None = Field(description="WebVTT of the pictures for a seek bar.")
    error: str | None = Field(description="Why, with FAILED, in a sentence.")


@bp.get("/jobs")
@require_role("viewer")
@documented(
    "How far a media is.",
    tag="Media",
    query=MediaQuery,
    answers={200: MediaJob},
    errors=(400, 404),
)
def jobs() -> Response:
    """The newest of its jobs counts. Jobs of all media are listed by
    ``/v1/studio/transcoding-jobs``."""
    if not request.args.get("mediaId"):
        raise BadRequest(
            "Say which media: ?mediaId=…. All jobs are listed by GET /v1/studio/transcoding-jobs."
        )
    query = parsed_query(MediaQuery, request.args)
    found = media_lookup.shown(query.media_id)
    if found is None:
        raise NotFound("There is no such media.")
    return answered(_answer(found))


def _answer(found: Shown) -> MediaJob:
    state = found.state
    return MediaJob(
        media_id=state.media_id,
        status=state.status,
        file_name=state.file_name,
        job_id=state.job_id,
        job_state=Status(state.job_state) if state.job_state else None,
        progress=state.progress,
        manifest_url=found.manifest_url,
        playable=Playable.model_validate(found.playable) if found.playable else None,
        thumbnails=found.thumbnails,
        storyboard_url=found.storyboard_url,
        error=state.error,
    )
