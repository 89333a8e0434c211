"""Judges steps and uploads, and the other units that have a message of their own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tasks.models import (
    UNFINISHED_VALUES,
    Status,
    Step,
    TrainingModule,
    TranscodeJob,
    UploadJob,
)
from tasks.models.batches import batches
from tasks.models.bulk_operation import BulkOperation
from tasks.recovery.survey.finding import Finding, of_row
from tasks.recovery.survey.reading import IDS, Reading, Row
from tasks.recovery.verdict import (
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
from tasks.subtitles import tracks

#: Everything that has a message of its own.
UNITS: dict[str, type[Step | UploadJob | BulkOperation | TrainingModule]] = {
    model.unit_kind: model for model in (Step, UploadJob, BulkOperation, TrainingModule)
}
FIELDS = (
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
#: Says of a lease that ran out (by its token) whether it has been out for long enough.
Silent = Callable[[str], bool]

#: Types of upload that a completed job may still get.
_PARENT = ("job_id", "status", "updated_at")
_LATE = ("subtitle", "master_playlist")


@dataclass
class Parts:
    """Judges parts. ``held``: message id → job id of what is queued; each message that a row names
    is taken out of it, so that messages without a row are left.

    ``judge_leases``: whether live workers had the chance to renew theirs. ``open_jobs``: ids of the
    unfinished jobs, whose parts are judged with them. Afterwards ``findings`` says what was found,
    and ``late`` which jobs that are not open have a part that waits for its turn.
    """

    reading: Reading
    held: dict[str, str]
    judge_leases: bool = True
    silent: Silent | None = None
    open_jobs: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    late: set[str] = field(default_factory=set)

    def judge_others(self) -> None:
        """Judges the unfinished units that belong to no open job."""
        unfinished = {"status": {"$in": UNFINISHED_VALUES}, **self.reading.about("transcode_id")}
        for kind, model in UNITS.items():
            if not hasattr(model, "transcode_id"):
                for row in self.reading.find(model, unfinished, FIELDS):
                    self.judge(kind, row, ParentState.none, None)
                continue
            # Only names of jobs, of which an index tells.
            rows = self.reading.find(model, unfinished, ("transcode_id",))
            parents = {row["transcode_id"] for row in rows} - self.open_jobs
            for batch in batches(sorted(parents), IDS):
                self._judge_doubtful(kind, model, batch)

    def _judge_doubtful(self, kind: str, model: Any, job_ids: list[str]) -> None:
        """Parts of jobs that are finished, or deleted, or were made while the rows were read."""
        query = {"job_id": {"$in": job_ids}}
        found = {row["job_id"]: row for row in self.reading.find(TranscodeJob, query, _PARENT)}
        unfinished = {"transcode_id": {"$in": job_ids}, "status": {"$in": UNFINISHED_VALUES}}
        for row in self.reading.find(model, unfinished, FIELDS):
            job = found.get(row["transcode_id"])
            late = row.get("upload_type") in _LATE and _takes_late_uploads(row, job)
            parent = ParentState.open if late else self._parent(job)
            rule = self.judge(kind, row, parent, row["transcode_id"])
            if late and rule.id == "its-turn":
                self.late.add(row["transcode_id"])

    def _parent(self, job: Row | None) -> ParentState:
        if job is None:
            return ParentState.gone
        # While a job is being cancelled, its parts are cancelled one after the other.
        moved = not self.reading.stood_still(job.get("updated_at"))
        if moved or job["status"] in UNFINISHED_VALUES:
            return ParentState.open
        return ParentState.over

    def judge(self, kind: str, row: Row, parent: ParentState, transcode_id: str | None) -> Rule:
        """The rule for an unfinished unit, whose finding is kept where it is drift."""
        message_id = row.get("message_id")
        if message_id is None:
            queued = QueueState.none
        else:
            queued = QueueState.lost
            # Messages still in ``held`` have no row.
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
            self.findings.append(of_row(rule, situation, kind, row, transcode_id, since))
        return rule

    def _lease(self, row: Row) -> LeaseState:
        if row["status"] != Status.active.value:
            return LeaseState.none
        lease: dict[str, Any] | None = row.get("lease")
        if not lease or lease.get("expires_at") is None:
            return LeaseState.none
        out = self.judge_leases and lease["expires_at"] < self.reading.asked_at
        if out and self.silent is not None:
            out = self.silent(lease.get("token", ""))
        return LeaseState.expired if out else LeaseState.alive

    def _pace(self, row: Row) -> Pace:
        if not self.reading.stood_still(row.get("updated_at")):
            return Pace.moved
        due_at = row.get("next_attempt_at")
        return Pace.still if self.reading.stood_still(due_at) else Pace.resting


def _takes_late_uploads(row: Row, job: Row | None) -> bool:
    if job is None:
        return tracks.stand_in(row["transcode_id"]) is not None
    return bool(job["status"] == Status.completed.value)
