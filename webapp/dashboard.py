"""Contents of the dashboard, for its page and for programs."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tasks import migrations
from tasks.listing import job_counts
from tasks.migrations import Standing
from tasks.models import MODELS, Kind, Status, TranscodeJob, UploadJob
from tasks.models.clock import now
from tasks.reports import holdings
from tasks.reports.holdings import Holdings
from webapp.models import Role, User

#: Failures that are shown, and how far back they are looked for.
FAILURES = 10
LOOKED_BACK = timedelta(days=30)

_FIELDS = ("job_id", "media_id", "failed_reason", "error_message", "finished_at")


@dataclass(frozen=True)
class Failure:
    """A job that failed. ``reason`` is a category of `tasks.errors`, ``error`` a sentence."""

    kind: Kind
    job_id: str
    media_id: str
    name: str
    reason: str | None
    error: str | None
    at: datetime | None


@dataclass(frozen=True)
class Glance:
    """``users`` by role, ``jobs`` by kind and then ``total`` and status; failures newest first,
    migrations by number."""

    users: dict[str, int]
    jobs: dict[Kind, dict[str, int]]
    held: Holdings
    failures: list[Failure]
    migrations: list[Standing]


def glance() -> Glance:
    """An installation as it is now; what is counted over all media may be some minutes old.

    Raises PyMongoError.
    """
    return Glance(
        users={role.value: User.objects(role=role.value).count() for role in Role},
        jobs={kind: job_counts.counts(model) for kind, model in MODELS.items()},
        held=holdings.holdings(),
        failures=_failures(),
        migrations=migrations.standing(),
    )


def _failures() -> list[Failure]:
    since = now() - LOOKED_BACK
    found = []
    for kind, model in MODELS.items():
        # The list's own index has the status in it: rows of jobs that went well are not read.
        rows = model.objects(finished_at__gte=since, status=Status.failed.value)
        name = "name" if kind is Kind.transcode else "resource_name"
        rows = rows.only(*_FIELDS, name).order_by("-finished_at", "-job_id").limit(FAILURES)
        found += [_failure(kind, row) for row in rows]
    return sorted(found, key=lambda failure: failure.at or since, reverse=True)[:FAILURES]


def _failure(kind: Kind, job: TranscodeJob | UploadJob) -> Failure:
    name = job.name if isinstance(job, TranscodeJob) else job.resource_name
    return Failure(
        kind=kind,
        job_id=job.job_id,
        media_id=job.media_id,
        name=name or job.job_id,
        reason=job.failed_reason,
        error=job.error_message,
        at=job.finished_at,
    )
