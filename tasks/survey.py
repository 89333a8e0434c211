"""Reads queue and rows in batches and judges each: one look finds every disagreement.

The queue is read first and the rows afterwards, and only what stood still in between is judged, so
that what moves meanwhile is never taken for lost. Where a look errs all the same, the cost is a
second message, which finds that its row no longer waits for it.

A hundred thousand unfinished rows are read as plain documents, and of each job only a few numbers
are kept; nothing here asks the database once a job, except for jobs that seem to stand still.
"""

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from bson.codec_options import CodecOptions

from tasks import messages
from tasks.database import server_time
from tasks.messages import Message
from tasks.models import (
    FINISHED,
    Status,
    Step,
    StepKind,
    TrainingModule,
    TranscodeJob,
    UploadJob,
)
from tasks.models.bulk_operation import BulkOperation
from tasks.settings import get_settings
from tasks.subtitles import changes, tracks
from tasks.verdict import (
    LeaseState,
    Pace,
    ParentState,
    QueueState,
    RowState,
    Rule,
    Situation,
    Subject,
    judge,
)

#: Seconds for which a row must have stood still before it is judged: longer than the moment
#: between writing a row and sending its message.
GRACE_SECONDS = 2.0
#: Age in seconds below which a message without a row is left alone.
YOUNG_SECONDS = 3600.0
#: Documents that the database sends at a time.
BATCH = 5_000
#: Ids that one query may name.
IDS = 1_000

#: Everything that has a message of its own.
UNITS: dict[str, type[Step | UploadJob | BulkOperation | TrainingModule]] = {
    model.unit_kind: model for model in (Step, UploadJob, BulkOperation, TrainingModule)
}
Row = Mapping[str, Any]
#: Says of a lease that ran out (by its token) whether it has been out for long enough.
Silent = Callable[[str], bool]

#: Types of upload that a completed job may still get.
_LATE = ("subtitle", "master_playlist")
_UNFINISHED = [Status.waiting.value, Status.active.value]
_FINISHED = [status.value for status in FINISHED]
_OVER = [Status.failed.value, Status.cancelled.value]
_PART_FIELDS = (
    "job_id",
    "transcode_id",
    "status",
    "kind",
    "upload_type",
    "message_id",
    "lease.token",
    "lease.worker",
    "lease.expires_at",
    "next_attempt_at",
    "updated_at",
)
_JOB_FIELDS = ("job_id", "status", "retrying", "updated_at")
# Times without a zone: making them aware costs more than all the rest.
_PLAIN: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule calls drift: little enough that there may be a hundred thousand.

    ``kind``: transcode, step, upload, bulk, analysis or message; ``ref``: the job id of the row, or
    that of the message. ``message_id``, ``worker``, ``lease`` (its token) and ``lease_until`` are
    what the row names, None where it names none. ``message``: the message that should not be there.
    Times are in UTC, without zone.
    """

    rule: Rule
    situation: Situation
    kind: str
    ref: str
    transcode_id: str | None
    since: datetime | None = None
    message: Message | None = None
    message_id: str | None = None
    worker: str | None = None
    lease: str | None = None
    lease_until: datetime | None = None


@dataclass(slots=True)
class _Job:
    """What a look keeps of an unfinished job, and of its unfinished parts: numbers only."""

    job_id: str
    status: Status
    retrying: bool
    updated_at: datetime | None
    under_way: int = 0
    at_work: int = 0
    chunks_out: int = 0
    chunks_unsent: int = 0
    others_unsent: int = 0
    #: Whether there are any, and whether one of them moved within the grace.
    has_parts: bool = False
    moved: bool = False

    def add(self, row: Row, rule: Rule, moved: bool) -> None:
        self.has_parts = True
        self.moved = self.moved or moved
        chunk = row.get("kind") == StepKind.CHUNK.value
        if rule.id == "its-turn":
            if row.get("upload_type") == "master_playlist":
                # Made with the uploads that it waits for: its turn comes when none is under way.
                return
            if chunk:
                self.chunks_unsent += 1
            else:
                self.others_unsent += 1
            return
        # What is drift itself counts too: its own repair brings it under way.
        self.under_way += 1
        self.at_work += rule.id == "at-work"
        self.chunks_out += chunk


@dataclass
class Look:
    """What one look found; ``rows`` and ``messages`` say how many it read."""

    findings: list[Finding] = field(default_factory=list)
    rows: int = 0
    messages: int = 0


def look(
    *,
    only: str | None = None,
    judge_leases: bool = True,
    silent: Silent | None = None,
    beat: Callable[[], None] | None = None,
) -> Look:
    """Looks at everything, or ``only`` at one transcode job with its parts.

    ``judge_leases``: whether live workers had the chance to renew theirs. ``beat`` is called now
    and then meanwhile, and what it raises ends the look. Raises redis.RedisError, PyMongoError.
    """
    return _Surveyor(only, judge_leases, silent, beat).look()


def strays_of(refs: Collection[str]) -> list[Finding]:
    """Messages of these jobs and units that no row waits for (any more).

    Raises redis.RedisError, PyMongoError.
    """
    surveyor = _Surveyor(None, False)
    surveyor.held = {
        message_id: job_id
        for message_id, job_id in messages.held_ids().items()
        if job_id in refs or job_id.partition(".")[0] in refs
    }
    surveyor._judge_leftovers()
    found = surveyor.result.findings
    return [finding for finding in found if finding.situation.row is not RowState.none]


class _Surveyor:
    def __init__(
        self,
        only: str | None,
        judge_leases: bool,
        silent: Silent | None = None,
        beat: Callable[[], None] | None = None,
    ) -> None:
        self.only = only
        self.judge_leases = judge_leases
        self.silent = silent
        self.beat = beat
        # The database server's clock is the one that wrote the rows.
        self.asked_at = server_time().astimezone(UTC).replace(tzinfo=None)
        self.still_since = self.asked_at - timedelta(seconds=GRACE_SECONDS)
        self.window = get_settings().chunk_window
        self.result = Look()
        self.held: dict[str, str] = {}
        self.late: set[str] = set()

    def look(self) -> Look:
        self.held = messages.held_ids()
        self.result.messages = len(self.held)
        jobs = self._open_jobs()
        doubtful = self._judge_parts(jobs)
        self._judge_parts_of_no_open_job(doubtful)
        self._judge_jobs(jobs)
        self._judge_late_jobs(jobs)
        self._judge_leftovers()
        return self.result

    # Rows

    def _find(self, model: Any, query: Mapping[str, Any], fields: Collection[str]) -> Iterator[Row]:
        collection = model._get_collection().with_options(codec_options=_PLAIN)
        projection = {"_id": 0, **dict.fromkeys(fields, 1)}
        for number, row in enumerate(collection.find(query, projection, batch_size=BATCH)):
            if self.beat is not None and number % BATCH == 0:
                self.beat()
            yield row

    def _open_jobs(self) -> dict[str, _Job]:
        query: dict[str, Any] = {"status": {"$in": _UNFINISHED}}
        if self.only is not None:
            query["job_id"] = self.only
        rows = self._find(TranscodeJob, query, _JOB_FIELDS)
        return {
            job.job_id: job
            for job in (
                _Job(
                    row["job_id"],
                    Status(row["status"]),
                    bool(row.get("retrying")),
                    row.get("updated_at"),
                )
                for row in rows
            )
        }

    def _judge_parts(self, jobs: Mapping[str, _Job]) -> list[tuple[str, Row]]:
        """Judges the parts of open jobs; gives back those whose job was not among them."""
        query: dict[str, Any] = {"status": {"$in": _UNFINISHED}}
        if self.only is not None:
            query["transcode_id"] = self.only
        doubtful = []
        for kind, model in UNITS.items():
            for row in self._find(model, query, _PART_FIELDS):
                self.result.rows += 1
                if "transcode_id" not in row:
                    self._judge_part(kind, row, ParentState.none, None)
                elif (job := jobs.get(row["transcode_id"])) is not None:
                    rule = self._judge_part(kind, row, ParentState.open, job.job_id)
                    job.add(row, rule, moved=not self._stood_still(row.get("updated_at")))
                else:
                    doubtful.append((kind, row))
        self.result.rows += len(jobs)
        return doubtful

    def _judge_parts_of_no_open_job(self, doubtful: list[tuple[str, Row]]) -> None:
        """Their jobs are finished, or deleted, or were made while the rows were read."""
        for batch in _batches(doubtful):
            ids = list({row["transcode_id"] for _, row in batch})
            found = {
                row["job_id"]: row
                for row in self._find(TranscodeJob, {"job_id": {"$in": ids}}, _JOB_FIELDS)
            }
            for kind, row in batch:
                job = found.get(row["transcode_id"])
                late = row.get("upload_type") in _LATE and self._takes_late_uploads(row, job)
                parent = ParentState.open if late else self._parent(job)
                rule = self._judge_part(kind, row, parent, row["transcode_id"])
                if late and rule.id == "its-turn":
                    self.late.add(row["transcode_id"])

    def _takes_late_uploads(self, row: Row, job: Row | None) -> bool:
        if job is None:
            return tracks.stand_in(row["transcode_id"]) is not None
        return bool(job["status"] == Status.completed.value)

    def _parent(self, job: Row | None) -> ParentState:
        if job is None:
            return ParentState.gone
        # While a job is being cancelled, its parts are cancelled one after the other.
        if job["status"] in _UNFINISHED or not self._stood_still(job.get("updated_at")):
            return ParentState.open
        return ParentState.over

    def _judge_part(
        self, kind: str, row: Row, parent: ParentState, transcode_id: str | None
    ) -> Rule:
        message_id = row.get("message_id")
        if message_id is None:
            queued = QueueState.none
        else:
            queued = QueueState.lost
            # What no row names is left over in the end.
            if self.held.pop(message_id, None) is not None:
                queued = QueueState.held
        situation = Situation(
            Subject.part,
            RowState(row["status"]),
            self._lease(row),
            queued,
            parent,
            pace=self._pace(row),
        )
        rule = judge(situation)
        if rule.drift:
            since = row.get("updated_at")
            if rule.id == "worker-lost":
                since = row["lease"]["expires_at"]
            self._found(_of_row(rule, situation, kind, row, transcode_id, since))
        return rule

    def _lease(self, row: Row) -> LeaseState:
        if row["status"] != Status.active.value:
            return LeaseState.none
        lease = row.get("lease")
        if not lease or lease.get("expires_at") is None:
            return LeaseState.none
        out = self.judge_leases and lease["expires_at"] < self.asked_at
        if out and self.silent is not None:
            out = self.silent(lease.get("token", ""))
        return LeaseState.expired if out else LeaseState.alive

    def _pace(self, row: Row) -> Pace:
        if not self._stood_still(row.get("updated_at")):
            return Pace.moved
        due_at = row.get("next_attempt_at")
        return Pace.still if due_at is None or due_at < self.still_since else Pace.resting

    def _stood_still(self, moment: datetime | None) -> bool:
        return moment is None or moment < self.still_since

    # Jobs

    def _judge_jobs(self, jobs: Mapping[str, _Job]) -> None:
        failed = self._with_parts_to_settle(jobs)
        for job in jobs.values():
            queued = self._job_queue(job, job.job_id in failed)
            if queued is QueueState.held:
                continue
            pace = Pace.still
            begins = job.status is Status.waiting and not job.retrying
            just_written = queued is QueueState.none and not self._stood_still(job.updated_at)
            if just_written or (job.moved and (begins or not job.under_way)):
                pace = Pace.moved
            elif self._part_just_finished(job.job_id):
                # Whoever finished it is about to do what is due now.
                pace = Pace.moved
            situation = Situation(Subject.job, RowState(job.status), queue=queued, pace=pace)
            rule = judge(situation)
            if rule.drift:
                kind = TranscodeJob.unit_kind
                job_id, since = job.job_id, job.updated_at
                self._found(Finding(rule, situation, kind, job_id, job_id, since))

    def _judge_late_jobs(self, jobs: Collection[str]) -> None:
        """Completed jobs, or media that stand for them, with uploads that nobody has sent."""
        late = set(self.late)
        if self.only is None:
            owners = (tracks.owner_of(media_id) for media_id in changes.medias_due())
            late.update(owner for owner in owners if owner is not None and owner not in jobs)
        situation = Situation(Subject.job, RowState.completed, queue=QueueState.lost)
        kind = TranscodeJob.unit_kind
        for job_id in late:
            self._found(Finding(judge(situation), situation, kind, job_id, job_id))

    def _job_queue(self, job: _Job, to_settle: bool) -> QueueState:
        if not job.under_way:
            return QueueState.none
        room = job.chunks_unsent and job.chunks_out < self.window
        begun = job.status is Status.waiting and job.at_work
        if to_settle or job.others_unsent or room or begun:
            return QueueState.lost
        return QueueState.held

    def _with_parts_to_settle(self, jobs: Mapping[str, _Job]) -> set[str]:
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
            (Step, _FINISHED, again),
            (UploadJob, _FINISHED, again),
        ):
            for batch in _batches(ids):
                query = {"status": {"$in": statuses}, "transcode_id": {"$in": batch}}
                rows = self._find(model, query, ("transcode_id",))
                found.update(row["transcode_id"] for row in rows)
        return found

    def _part_just_finished(self, job_id: str) -> bool:
        query = {
            "transcode_id": job_id,
            "status": {"$in": _FINISHED},
            "updated_at": {"$gte": self.still_since},
        }
        return any(
            next(self._find(model, query, ("job_id",)), None) is not None
            for model in (Step, UploadJob)
        )

    # Messages

    def _judge_leftovers(self) -> None:
        """Messages that no unfinished row names."""
        left = self.held
        if self.only is not None:
            left = {
                message_id: job_id
                for message_id, job_id in left.items()
                if job_id == self.only or job_id.startswith(f"{self.only}.")
            }
        for batch in _batches(messages.look_up(left.keys())):
            rows = self._rows_of([message.job_id for message in batch])
            for message in batch:
                kind, row = rows.get(message.job_id, ("message", {}))
                if row and row.get("message_id") == message.message_id:
                    continue  # its row was written while others were read
                situation = self._leftover(message, row)
                rule = judge(situation)
                if rule.drift:
                    since = message.sent_at.replace(tzinfo=None)
                    row = {**row, "job_id": message.job_id}
                    parent = row.get("transcode_id")
                    self._found(_of_row(rule, situation, kind, row, parent, since, message))

    def _rows_of(self, ids: list[str]) -> dict[str, tuple[str, Row]]:
        found: dict[str, tuple[str, Row]] = {}
        for kind, model in UNITS.items():
            for row in self._find(model, {"job_id": {"$in": ids}}, _PART_FIELDS):
                found[row["job_id"]] = (kind, row)
        return found

    def _leftover(self, message: Message, row: Row) -> Situation:
        age = self.asked_at - message.sent_at.replace(tzinfo=None)
        return Situation(
            Subject.part,
            RowState(row["status"]) if row else RowState.none,
            queue=QueueState.fetched if message.fetched else QueueState.left,
            pace=Pace.still if age > timedelta(seconds=YOUNG_SECONDS) else Pace.resting,
        )

    def _found(self, finding: Finding) -> None:
        self.result.findings.append(finding)


def _of_row(
    rule: Rule,
    situation: Situation,
    kind: str,
    row: Row,
    transcode_id: str | None,
    since: datetime | None,
    message: Message | None = None,
) -> Finding:
    lease = row.get("lease") or {}
    worker = lease.get("worker")
    return Finding(
        rule,
        situation,
        kind,
        row["job_id"],
        transcode_id,
        since,
        message,
        message_id=row.get("message_id"),
        # Few workers have many leases.
        worker=sys.intern(worker) if worker else None,
        lease=lease.get("token"),
        lease_until=lease.get("expires_at"),
    )


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while batch := list(islice(rest, IDS)):
        yield batch
