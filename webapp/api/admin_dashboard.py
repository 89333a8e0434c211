"""``/api/admin/dashboard``: an installation at a glance, for whoever runs it."""

from datetime import datetime

from flask import Blueprint, Response
from pydantic import ConfigDict, Field

from tasks.models import Kind
from tasks.reports.holdings import Holdings
from webapp import dashboard
from webapp.api.answers import Answer, At, answered
from webapp.auth.access import require_role
from webapp.dashboard import Failure, Glance
from webapp.openapi import documented

bp = Blueprint("api_admin_dashboard", __name__, url_prefix="/api/admin")


class UserCounts(Answer):
    """People who may sign in, by role."""

    total: int
    admin: int
    editor: int
    viewer: int


class TitleCounts(Answer):
    """Titles, by kind."""

    total: int
    film: int
    season: int
    episode: int


class MediaCounts(Answer):
    """Media; null is not known, since counting took too long."""

    total: int | None
    ready: int | None


class JobCounts(Answer):
    """Jobs of one kind, by status."""

    total: int
    waiting: int
    active: int
    completed: int
    failed: int
    cancelled: int


class KindCounts(Answer):
    """Jobs of both kinds."""

    transcode: JobCounts
    upload: JobCounts


class Storage(Answer):
    """Bytes by area of the bucket, from rows; null is not known, since counting took too long."""

    total: int | None
    sources: int | None
    streams: int | None = Field(description="Published segments, without pictures and playlists.")
    work: int | None = Field(description="What unfinished and failed jobs have encoded.")


class FailureAnswer(Answer):
    """One of the latest jobs that failed."""

    model_config = ConfigDict(from_attributes=True)

    kind: Kind
    job_id: str
    media_id: str
    name: str
    reason: str | None
    error: str | None
    at: At | None


class MigrationAnswer(Answer):
    """A numbered change of stored rows; ``total`` and ``remaining`` are rows, 0 until it begins."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    sentence: str
    done: bool
    running: bool
    total: int
    remaining: int
    error: str | None


class DashboardAnswer(Answer):
    """``countedAt``: media, titles and storage may be some minutes old."""

    users: UserCounts
    titles: TitleCounts
    media: MediaCounts
    jobs: KindCounts
    storage: Storage
    latest_failures: list[FailureAnswer]
    migrations: list[MigrationAnswer]
    counted_at: At


@bp.get("/dashboard")
@require_role("admin")
@documented("An installation at a glance.", tag="Dashboard", answers={200: DashboardAnswer})
def show() -> Response:
    """People, titles, media, jobs of both kinds by state, bytes stored, and what failed last."""
    glance = dashboard.glance()
    return answered(_answer(glance))


def _answer(glance: Glance) -> DashboardAnswer:
    held: Holdings = glance.held
    counted_at: datetime = held.counted_at
    return DashboardAnswer(
        users=UserCounts(total=sum(glance.users.values()), **glance.users),
        titles=TitleCounts(total=sum(held.titles.values()), **held.titles),
        media=MediaCounts(total=held.media, ready=held.ready),
        jobs=KindCounts(
            transcode=JobCounts(**glance.jobs[Kind.transcode]),
            upload=JobCounts(**glance.jobs[Kind.upload]),
        ),
        storage=Storage(
            total=held.stored, sources=held.sources, streams=held.streams, work=held.work
        ),
        latest_failures=[_failure(failure) for failure in glance.failures],
        migrations=[MigrationAnswer.model_validate(one) for one in glance.migrations],
        counted_at=counted_at,
    )


def _failure(failure: Failure) -> FailureAnswer:
    return FailureAnswer.model_validate(failure)
