"""What the templates of the overview are given, at the first paint and live alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import redis

from tasks.cloudwatch import spool
from tasks.control import pausing
from tasks.control.pausing import Held
from tasks.jobs.allowed import LABELS, Action
from tasks.models import Kind, Step, TranscodeJob, UploadJob
from tasks.models.bulk_operation import BulkOperation
from tasks.queue import backlog
from tasks.reports import health, statistics
from tasks.reports.statistics import By
from tasks.settings import get_settings
from webapp import format as say
from webapp.pages.jobs.job_view import CATEGORY_WORDS, STEP_WORDS

KIND_WORDS = {Kind.transcode: "Transcoding", Kind.upload: "Upload"}
SPAN_WORDS = {By.hour: "48 hours", By.day: "30 days"}


@dataclass(frozen=True)
class Choice:
    """Which kind of job, and by which length of time."""

    kind: Kind = Kind.transcode
    by: By = By.hour

    @classmethod
    def of(cls, values: Mapping[str, str]) -> "Choice":
        """From a query string's values; what is not known counts as not given."""
        kind, by = values.get("kind", ""), values.get("by", "")
        return cls(
            Kind(kind) if kind in set(Kind) else Kind.transcode,
            By(by) if by in set(By) else By.hour,
        )

    def query(self, *, kind: Kind | None = None, by: By | None = None) -> str:
        """The query string of this choice, with one thing changed."""
        return f"kind={(kind or self.kind).value}&by={(by or self.by).value}"


@dataclass(frozen=True)
class Tile:
    """One number of the last 24 hours; ``tone`` is a status, ``link`` leads to its jobs."""

    label: str
    value: str
    more: str = "in 24 hours"
    tone: str = ""
    link: str = ""


@dataclass(frozen=True)
class Reason:
    """Failures of one category; ``share`` is in percent of the most frequent one."""

    words: str
    count: int
    share: float


@dataclass(frozen=True)
class Doing:
    """One thing that a worker does; ``link`` is empty where it has no page."""

    words: str
    of: str
    link: str
    since: datetime | None


@dataclass(frozen=True)
class WorkerRow:
    """A live worker."""

    name: str
    started_at: datetime
    doing: Sequence[Doing]
    draining: Held | None

    @property
    def tone(self) -> str:
        """The status that its dot has."""
        return "active" if self.doing else "waiting"

    @property
    def word(self) -> str:
        """What it is at, in a word."""
        if self.draining:
            return "Draining" if self.doing else "Drained"
        return "Working" if self.doing else "Idle"


@dataclass(frozen=True)
class QueueRow:
    """A queue; ``paused`` says by whom and since when."""

    state: backlog.QueueState
    paused: Held | None


def choice_context(chosen: Choice) -> dict[str, Any]:
    """What the head of the page and its charts need."""
    series = statistics.series(chosen.kind, chosen.by)
    return {
        "chosen": chosen,
        "kind_words": KIND_WORDS,
        "span_words": SPAN_WORDS,
        "anything": any(b is None or b.completed + b.failed + b.cancelled for b in series.values()),
        "counting": statistics.uncounted(series.values()),
    }


def numbers_context(chosen: Choice) -> dict[str, Any]:
    """The tiles and the reasons of failures."""
    series = statistics.series(chosen.kind, chosen.by)
    reasons = statistics.reasons(series.values())
    most = max((count for _, count in reasons), default=1)
    return {
        "chosen": chosen,
        "span_words": SPAN_WORDS,
        "tiles": tiles(chosen.kind),
        "counting": statistics.uncounted(series.values()),
        "reasons": [
            Reason(CATEGORY_WORDS.get(name, name), count, 100 * count / most)
            for name, count in reasons
        ],
    }


def machines_context(*, can_edit: bool) -> dict[str, Any]:
    """Workers and queues; None for both where Redis does not answer."""
    try:
        live, states = health.workers(), backlog.queues()
        shipping = spool.state() if get_settings().cloudwatch_group else None
    except redis.RedisError:
        return {"workers": None, "queues": None, "cloudwatch": None, "can_edit": can_edit}
    held = pausing.holds()
    doing = _doing([job_id for info in live for job_id in info.doing])
    return {
        "workers": [
            WorkerRow(
                info.name,
                info.started_at,
                [doing[job_id] for job_id in info.doing if job_id in doing],
                held.workers.get(info.name),
            )
            for info in live
        ],
        "cloudwatch": shipping,
        "queues": [QueueRow(state, held.queues.get(state.name)) for state in states],
        "can_edit": can_edit,
    }


def tiles(kind: Kind) -> list[Tile]:
    """The numbers of the last 24 hours, and what waits now."""
    day = statistics.last_day(kind)
    failed = day.failure_rate
    listed = "/jobs?status=" if kind is Kind.transcode else ""
    return [
        Tile(
            "Completed",
            say.count(day.completed),
            of_day(None if failed is None else 1 - failed),
            "completed",
            listed and f"{listed}completed",
        ),
        Tile(
            "Failed",
            say.count(day.failed),
            of_day(failed),
            "failed",
            listed and f"{listed}failed",
        ),
        Tile("Median duration", took(day.median)),
        Tile("95 of 100 within", took(day.p95)),
        Tile("Upload speed", rate(day.speed))
        if kind is Kind.upload
        else Tile(
            "Cancelled", say.count(day.cancelled), tone="cancelled", link="/jobs?status=cancelled"
        ),
        waiting_tile(kind),
    ]


def waiting_tile(kind: Kind) -> Tile:
    """What waits in the queues of a kind of job."""
    try:
        mine = [s for s in backlog.queues() if backlog.kind_of(s.name) is kind]
    except redis.RedisError:
        return Tile("In the queues", say.NOTHING, "Redis is away", "waiting")
    oldest = min((s.oldest for s in mine if s.oldest), default=None)
    since = f"oldest {say.ago(oldest)}" if oldest else "nothing waits"
    return Tile("In the queues", say.count(sum(s.waiting for s in mine)), since, "waiting")


def percent(share: float | None) -> str:
    """A share of 1 as ``98.7 %``; never 100 % or 0 % where something is on the other side."""
    if share is None:
        return say.NOTHING
    value = 100 * share
    text = f"{value:.1f}".removesuffix(".0")
    if text == "100" and share < 1:
        text = "99.9"
    if text == "0" and share > 0:
        text = "0.1"
    return f"{text} %"


def of_day(share: float | None) -> str:
    """A share of what ended within the last 24 hours."""
    return "in 24 hours" if share is None else f"{percent(share)} in 24 hours"


def took(seconds: float | None) -> str:
    """A duration, with a tenth where it is short."""
    if seconds is not None and seconds < 9.95:
        return f"{seconds:.1f} s"
    return say.duration(seconds)


def rate(speed: float | None) -> str:
    """Bytes a second: ``38 MB/s``."""
    return say.NOTHING if speed is None else f"{say.size(speed)}/s"


def _doing(ids: Sequence[str]) -> dict[str, Doing]:
    """What the units of these ids are, by id; a few queries for all of them."""
    found: dict[str, Doing] = {}
    if not ids:
        return found
    steps = list(Step.objects(job_id__in=ids).only("job_id", *_PART, "kind", "index"))
    uploads = list(UploadJob.objects(job_id__in=ids).only("job_id", *_PART, "upload_type", "label"))
    names = {
        job.job_id: job.name
        for job in TranscodeJob.objects(
            job_id__in=[unit.transcode_id for unit in [*steps, *uploads]]
        ).only("job_id", "name")
    }
    for step in steps:
        number = f" {step.index + 1}" if step.kind == "chunk" else ""
        words = f"{STEP_WORDS.get(step.kind, step.kind)}{number}"
        found[step.job_id] = _part(step, words, names)
    for upload in uploads:
        what = UPLOAD_WORDS.get(upload.upload_type, "files")
        label = f" {upload.label}" if upload.label and upload.upload_type == "hls" else ""
        found[upload.job_id] = _part(upload, f"Upload of {what}{label}", names)
    for operation in BulkOperation.objects(job_id__in=ids).only(
        "job_id", "action", "total", "started_at"
    ):
        label = LABELS[Action(operation.action)]
        words = f"{label} of {say.count(operation.total)} jobs"
        found[operation.job_id] = Doing(words, "", "", operation.started_at)
    return found


_PART = ("transcode_id", "started_at")
UPLOAD_WORDS = {
    "hls": "segments",
    "master_playlist": "the master playlist",
    "subtitle": "subtitles",
    "video": "the video",
}


def _part(unit: Step | UploadJob, words: str, names: Mapping[str, str]) -> Doing:
    name = names.get(unit.transcode_id, "")
    return Doing(words, name, f"/jobs/{unit.transcode_id}" if name else "", unit.started_at)
