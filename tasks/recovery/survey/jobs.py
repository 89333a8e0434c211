"""Judges transcode jobs, by a few numbers about the parts of each.

Nothing here asks the database once a job, except for jobs that seem to stand still.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tasks.jobs.decide.window import chunks_due
from tasks.models import (
    BESIDE,
    FINISHED_VALUES,
    UNFINISHED_VALUES,
    Status,
    Step,
    StepKind,
    TranscodeJob,
    UploadJob,
)
from tasks.recovery.survey.finding import Finding
from tasks.recovery.survey.reading import Reading, Row, batches
from tasks.recovery.verdict import Pace, QueueState, RowState, Rule, Situation, Subject, judge
from tasks.settings import get_settings
from tasks.subtitles import changes, tracks

FIELDS = ("job_id", "status", "retrying", "updated_at")
_OVER = [Status.failed.value, Status.cancelled.value]


@dataclass(slots=True)
class OpenJob:
    """What a look keeps of an unfinished job, and of its unfinished parts: numbers only."""

    job_id: str
    status: Status
    retrying: bool
    updated_at: datetime | None
    under_way: int = 0
    at_work: int = 0
    #: Indexes of chunks without a message, and of those whose message nobody has taken yet.
    chunks_unsent: list[int] = field(default_factory=list)
    chunks_queued: list[int] = field(default_factory=list)
    others_unsent: int = 0
    #: Whether there are any, and whether one of them moved within the grace.
    has_parts: bool = False
    moved: bool = False

    def add(self, row: Row, rule: Rule, moved: bool) -> None:
        """Counts a part that was judged."""
        self.has_parts = True
        self.moved = self.moved or moved
        chunk = row.get("kind") == StepKind.CHUNK.value
        if rule.id == "its-turn":
            if row.get("upload_type") == "master_playlist" or row.get("kind") in BESIDE:
                # Made with what it waits for: its turn comes when none of that is under way, or
                # when one of the chunks is done.
                return
            if chunk:
                self.chunks_unsent.append(row.get("index") or 0)
            else:
                self.others_unsent += 1
            return
        # What is drift itself counts too: its own repair brings it under way.
        self.under_way += 1
        self.at_work += rule.id == "at-work"
        if chunk and row["status"] == Status.waiting.value and not row.get("attempt"):
            self.chunks_queued.append(row.get("index") or 0)


def open_jobs(reading: Reading) -> dict[str, OpenJob]:
    """The unfinished jobs by id, of no parts yet."""
    query = {"status": {"$in": UNFINISHED_VALUES}, **reading.about("job_id")}
    return {
        row["job_id"]: OpenJob(
            row["job_id"],
            Status(row["status"]),
            bool(row.get("retrying")),
            row.get("updated_at"),
        )
        for row in reading.find(TranscodeJob, query, FIELDS)
    }


def judge_jobs(reading: Reading, jobs: Mapping[str, OpenJob]) -> Iterator[Finding]:
    """Open jobs whose parts have been counted."""
    failed = _with_parts_to_settle(reading, jobs)
    window = get_settings().chunk_window
    for job in jobs.values():
        queued = _job_queue(job, job.job_id in failed, window)
        if queued is QueueState.held:
            continue
        pace = Pace.still
        begins = job.status is Status.waiting and not job.retrying
        just_written = queued is QueueState.none and not reading.stood_still(job.updated_at)
        if just_written or (job.moved and (begins or not job.under_way)):
            pace = Pace.moved
        elif _part_just_moved(reading, job.job_id):
            # Whoever took or finished it is about to do what is due now.
            pace = Pace.moved
        situation = Situation(Subject.job, RowState(job.status), queue=queued, pace=pace)
        rule = judge(situation)
        if rule.drift:
            kind = TranscodeJob.unit_kind
            yield Finding(rule, situation, kind, job.job_id, job.job_id, job.updated_at)


def judge_late_jobs(
    reading: Reading, jobs: Collection[str], late: Collection[str]
) -> Iterator[Finding]:
    """Completed jobs, or media that stand for them, with uploads that nobody has sent.

    ``jobs`` are the open ones, ``late`` those of which a part waits for its turn.
    """
    found = set(late)
    if reading.only is None:
        owners = (tracks.owner_of(media_id) for media_id in changes.medias_due())
        found.update(owner for owner in owners if owner is not None and owner not in jobs)
    situation = Situation(Subject.job, RowState.completed, queue=QueueState.lost)
    kind = TranscodeJob.unit_kind
    for job_id in found:
        yield Finding(judge(situation), situation, kind, job_id, job_id)


def _job_queue(job: OpenJob, to_settle: bool, window: int) -> QueueState:
    if not job.under_way:
        return QueueState.none
    room = chunks_due(job.chunks_unsent, job.chunks_queued, window)
    begun = job.status is Status.waiting and job.at_work
    if to_settle or job.others_unsent or room or begun:
        return QueueState.lost
    return QueueState.held


def _with_parts_to_settle(reading: Reading, jobs: Mapping[str, OpenJob]) -> set[str]:
    """Jobs under way of which some part has failed, or that are to do failed parts again."""
    begun, again = [], []
    for job_id, job in jobs.items():
        if job.has_parts:
            if job.retrying:
                again.append(job_id)
            elif job.status is Status.active:
                begun.append(job_id)
    found: set[str] = set()
    for model, statuses, ids in (
        (Step, _OVER, begun),
        (Step, FINISHED_VALUES, again),
        (UploadJob, FINISHED_VALUES, again),
    ):
        for batch in batches(ids):
            query = {"status": {"$in": statuses}, "transcode_id": {"$in": batch}}
            rows = reading.find(model, query, ("transcode_id",))
            found.update(row["transcode_id"] for row in rows)
    return found


def _part_just_moved(reading: Reading, job_id: str) -> bool:
    recent = {"$gte": reading.still_since}
    query = {
        "transcode_id": job_id,
        "$or": [{"status": {"$in": FINISHED_VALUES}, "updated_at": recent}, {"started_at": recent}],
    }
    return any(
        next(reading.find(model, query, ("job_id",)), None) is not None
        for model in (Step, UploadJob)
    )
