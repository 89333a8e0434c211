"""Judges transcode jobs by what ``tasks.jobs.decide`` says is due for them.

Jobs are read in batches, and the parts of a batch in one query of each kind, in the order of the
jobs, so that the parts of one job are in memory at a time.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tasks.jobs.advance import actions_due
from tasks.jobs.decide import decide
from tasks.jobs.states import (
    JOB_FIELDS,
    STEP_FIELDS,
    UPLOAD_FIELDS,
    read_states,
    state_of,
    subtitles_of,
)
from tasks.models import UNFINISHED_VALUES, Status, Step, TranscodeJob, UploadJob
from tasks.models.batches import batches
from tasks.recovery.survey import parts
from tasks.recovery.survey.finding import Finding
from tasks.recovery.survey.parts import Parts
from tasks.recovery.survey.reading import IDS, Reading, Row
from tasks.recovery.verdict import (
    Pace,
    ParentState,
    QueueState,
    RowState,
    Situation,
    Subject,
    judge,
)
from tasks.settings import get_settings
from tasks.subtitles import changes, tracks

#: A tool's log says nothing of what is due, and is long.
_LEFT_OUT = {"error_log"}
_MOMENTS = ("started_at", "updated_at")


def _fields(*of: Iterable[str]) -> tuple[str, ...]:
    return tuple({name for some in of for name in some} - _LEFT_OUT)


_STEP = _fields(STEP_FIELDS, parts.FIELDS, _MOMENTS)
_UPLOAD = _fields(UPLOAD_FIELDS, parts.FIELDS, _MOMENTS)
_JOB = {**JOB_FIELDS, "updated_at": 1}


def judge_open_jobs(reading: Reading, judged: Parts) -> Iterator[Finding]:
    """Judges unfinished jobs, and by the way their unfinished parts."""
    query = {"status": {"$in": UNFINISHED_VALUES}, **reading.about("job_id")}
    for batch in batches(reading.find(TranscodeJob, query, _JOB), IDS):
        yield from _judge_batch(reading, judged, sorted(batch, key=lambda job: job["job_id"]))


def _judge_batch(reading: Reading, judged: Parts, jobs: list[Row]) -> Iterator[Finding]:
    window = get_settings().chunk_window
    of_jobs = {"transcode_id": {"$in": [job["job_id"] for job in jobs]}}
    subtitles = subtitles_of(jobs)
    steps = _ByJob(reading.find(Step, of_jobs, _STEP, in_order=True))
    uploads = _ByJob(reading.find(UploadJob, of_jobs, _UPLOAD, in_order=True))
    for job in jobs:
        job_id = job["job_id"]
        judged.open_jobs.add(job_id)
        own_steps, own_uploads = steps.of(job_id), uploads.of(job_id)
        state = state_of(job, own_steps, own_uploads, subtitles.get(job_id, tracks.Due()))
        motion = _Motion()
        for model, rows in (Step, own_steps), (UploadJob, own_uploads):
            for row in rows:
                motion.add(reading, judged, model.unit_kind, row)
        due = decide(state, window=window)
        if not due and motion.under_way:
            continue
        situation = _situation(reading, job, motion)
        rule = judge(situation)
        if rule.drift:
            since = job.get("updated_at")
            yield Finding(rule, situation, TranscodeJob.unit_kind, job_id, job_id, since)


@dataclass(slots=True)
class _Motion:
    """Whether parts of a job are queued or worked on, and whether some moved within the grace.

    ``open_moved``: an unfinished one was written. ``taken_or_ended``: a worker took or ended one,
    and is about to do what is due now.
    """

    under_way: bool = False
    open_moved: bool = False
    taken_or_ended: bool = False

    def add(self, reading: Reading, judged: Parts, kind: str, row: Row) -> None:
        """Judges a part where it is unfinished, and notes its motion."""
        written = not reading.stood_still(row.get("updated_at"))
        if row["status"] in UNFINISHED_VALUES:
            rule = judged.judge(kind, row, ParentState.open, row["transcode_id"])
            # What is drift itself counts too: its own repair brings it under way.
            self.under_way = self.under_way or rule.id != "its-turn"
            self.open_moved = self.open_moved or written
        elif written:
            self.taken_or_ended = True
        started_at = row.get("started_at")
        if started_at is not None and not reading.stood_still(started_at):
            self.taken_or_ended = True


class _ByJob:
    """Rows that come in the order of their jobs, given out by job."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def of(self, job_id: str) -> list[Row]:
        """The rows of a job; jobs are asked for in order."""
        rows = []
        while self._next is not None and self._next["transcode_id"] <= job_id:
            if self._next["transcode_id"] == job_id:
                rows.append(self._next)
            self._next = next(self._rows, None)
        return rows


def _situation(reading: Reading, job: Row, motion: _Motion) -> Situation:
    """The situation of a job for which something is due, or of which nothing is under way."""
    begins = job["status"] == Status.waiting and not job.get("retrying")
    just_written = not motion.under_way and not reading.stood_still(job.get("updated_at"))
    moved = motion.open_moved and (begins or not motion.under_way)
    return Situation(
        Subject.job,
        RowState(job["status"]),
        queue=QueueState.lost if motion.under_way else QueueState.none,
        pace=Pace.moved if just_written or moved or motion.taken_or_ended else Pace.still,
    )


def judge_late_jobs(reading: Reading, judged: Parts) -> tuple[list[Finding], list[str]]:
    """Judges completed jobs, or media that stand for deleted ones, for which something is due.

    Also answers with the ids of those whose media's note asked for a look and for which nothing is.
    """
    found = set(judged.late)
    noted: set[str] = set()
    if reading.only is None:
        owners = (tracks.owner_of(media_id) for media_id in changes.medias_due())
        noted = {owner for owner in owners if owner is not None} - judged.open_jobs
    situation = Situation(Subject.job, RowState.completed, queue=QueueState.lost)
    due: Mapping[str, object] = {}
    for batch in batches(found | noted, IDS):
        due = {**due, **actions_due(read_states(batch))}
    kind = TranscodeJob.unit_kind
    findings = [
        Finding(judge(situation), situation, kind, job_id, job_id)
        for job_id in found | noted
        if due.get(job_id)
    ]
    return findings, sorted(job_id for job_id in noted if not due.get(job_id))
