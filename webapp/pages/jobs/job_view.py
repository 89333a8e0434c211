"""What the pages say of a transcode job: words and numbers ready to be shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tasks.models import Kind, Media, Phase, Status, Step, Title, TranscodeJob, UploadJob, WorkUnit
from webapp import format as say
from webapp.pages.history import HistoryLine
from webapp.pages.jobs.job_actions import ActionButton, actions_of
from webapp.pages.jobs.job_timeline import Attempt, attempts_of
from webapp.title_names import names
from webapp.urls import media_url

#: The width of each phase in the bar: the share of the time it usually takes.
PHASE_WIDTHS = {
    Phase.splitting: 8,
    Phase.transcoding: 70,
    Phase.merging: 6,
    Phase.uploading: 16,
}
#: The least of a phase that is shown where it failed: percent of it, times its width.
SLIVER = 200.0
STATUS_WORDS = {status.value: status.value.capitalize() for status in Status}
CATEGORY_WORDS = {
    "bad_input": "The source cannot be used",
    "storage": "Storage did not work",
    "encoder": "The encoder failed",
    "timeout": "It took too long",
    "out_of_disk": "The disk is full",
    "lost_worker": "Its worker was lost",
    "cancelled": "Cancelled",
    "internal": "An error in Dailies itself",
}
#: What to do about it.
CATEGORY_HINTS = {
    "bad_input": "Another try meets the same file: put a repaired one in.",
    "storage": "Retry when the storage is back: what is stored already is kept.",
    "encoder": "Retry; where it stops at the same place again, the source is damaged there.",
    "timeout": "Retry when there is less to do, or with a worker that is faster.",
    "out_of_disk": "Make room on the disk of the worker, then retry: finished chunks are kept.",
    "lost_worker": "Retry when a worker is alive: finished chunks are kept.",
    "internal": "Retry; where it fails again, the log below is what to report.",
}
STEP_WORDS = {
    "split": "Split",
    "chunk": "Chunk",
    "audio": "Audio",
    "subtitles": "Text tracks",
    "poster": "Poster",
    "merge": "Merge",
}
CHUNK = "chunk"
#: Cells of the chunk strip; more chunks than that share cells.
CELLS = 240


@dataclass(frozen=True)
class Segment:
    """One of the four segments of the phase bar."""

    name: str
    value: float
    tone: str
    words: str


@dataclass(frozen=True)
class JobRow:
    """A row of the list, of either kind. ``what`` says what of ``title`` an upload puts."""

    job: TranscodeJob | UploadJob
    kind: Kind
    name: str
    title: str
    what: str
    poster: str | None
    playable: bool
    kind_line: str
    sentence: str
    retry_at: datetime | None
    timing: str
    segments: Sequence[Segment]
    actions: Sequence[ActionButton]

    @property
    def id(self) -> str:
        """The job's id."""
        return str(self.job.job_id)

    @property
    def dom(self) -> str:
        """The job's id as a part of names in the page: without dots, which selectors read."""
        return self.id.replace(".", "_")

    @property
    def page(self) -> str:
        """Where the job has room: its own page, or that of the job it is a part of."""
        return f"/jobs/{getattr(self.job, 'transcode_id', None) or self.id}"

    @property
    def status(self) -> str:
        """The job's status, which is also the name of its colour."""
        return str(self.job.status)

    @property
    def word(self) -> str:
        """The status as a word."""
        return STATUS_WORDS[self.job.status]

    @property
    def allowed(self) -> list[ActionButton]:
        """What its state allows."""
        return [action for action in self.actions if not action.reason]

    @property
    def refused(self) -> list[ActionButton]:
        """What its state does not allow, each with its reason."""
        return [action for action in self.actions if action.reason]


@dataclass(frozen=True)
class Cell:
    """A cell of the chunk strip: ``done`` in percent."""

    state: str
    done: int
    title: str


@dataclass(frozen=True)
class JobDetails:
    """What opens below a row."""

    row: JobRow
    cells: Sequence[Cell]
    chunk_words: str
    renditions: Sequence[Mapping[str, Any]]
    rendition_words: str
    attempts: Sequence[Attempt]


def row(
    job: TranscodeJob,
    media: Media | None,
    titles: Mapping[str, Title],
    place: int | None = None,
    stands: str = "",
) -> JobRow:
    """What a row says; ``place`` is the job's place among those that wait, ``stands`` what holds it
    up."""
    name, kind_line = _names(job, titles)
    playable = bool(media and media.master_key)
    return JobRow(
        job=job,
        kind=Kind.transcode,
        name=name,
        title=name,
        what="",
        poster=media_url(media.poster_key) if media and media.poster_key else None,
        playable=playable,
        kind_line=kind_line,
        sentence=_sentence(job, place, stands),
        retry_at=retry_at(job),
        timing=_timing(job),
        segments=_segments(job),
        actions=actions_of(Kind.transcode, job, name),
    )


def _names(job: TranscodeJob, titles: Mapping[str, Title]) -> tuple[str, str]:
    if job.resource_id in titles:
        name, kind_line = names(job.resource_id, titles, job.name)
        return name, f"{kind_line} · {job.filename}" if "·" not in kind_line else kind_line
    return str(job.name), job.filename if job.filename != job.name else ""


def retry_at(job: WorkUnit) -> datetime | None:
    """When a unit that waits for another attempt gets it, or None."""
    if job.status != Status.waiting or job.next_attempt_at is None:
        return None
    moment = say.utc(job.next_attempt_at)
    return moment if moment > datetime.now(UTC) else None


def _sentence(job: TranscodeJob, place: int | None, stands: str) -> str:
    if job.status == Status.waiting:
        if retry_at(job):
            return job.error_message or "Tried again soon."
        if stands:
            return stands
        if place is None:
            return "In line"
        return "Next in line" if place == 1 else f"{say.ordinal(place)} in line"
    if job.status == Status.active:
        return " · ".join([_now(job)[0], stands] if stands else _now(job))
    if job.status == Status.completed:
        return " · ".join(_outcome(job)) or "Completed"
    if job.status == Status.cancelled:
        return job.error_message or "Cancelled."
    return job.error_message or "Failed for a reason nobody wrote down."


def _now(job: TranscodeJob) -> list[str]:
    if job.phase == Phase.splitting:
        return ["Splitting", "looking at the source"]
    if job.phase == Phase.transcoding:
        words = ["Transcoding"]
        if (job.chunks_total or 0) > 1:
            words.append(f"{job.chunks_done or 0} of {job.chunks_total} chunks")
        if job.speed:
            words.append(say.speed(job.speed))
        return words
    if job.phase == Phase.merging:
        return ["Merging", "writing and checking the playlists"]
    return [f"Uploading {job.detail}" if job.detail else "Uploading"]


def _outcome(job: TranscodeJob) -> list[str]:
    words = []
    pictures = [rendition for rendition in job.renditions or [] if rendition.get("height")]
    if pictures:
        best = max(pictures, key=lambda rendition: int(rendition["height"]))["name"]
        several = f"{len(pictures)} renditions up to {best}"
        words.append(several if len(pictures) > 1 else best)
    stored = sum(r.get("size") or 0 for r in job.renditions or [])
    if stored:
        words.append(say.size(stored))
    if job.duration:
        words.append(f"{say.clock(job.duration)} long")
    return words


def _timing(job: TranscodeJob) -> str:
    if job.status == Status.active:
        return say.left(job.eta_seconds) if job.eta_seconds is not None else say.NOTHING
    if job.status == Status.completed and job.started_at and job.finished_at:
        took = (job.finished_at - job.started_at).total_seconds()
        return f"took {say.duration(max(took, 1))}"
    return ended_words(job)


def ended_words(job: WorkUnit) -> str:
    """How often, or for how long, what failed or was cancelled had been worked on."""
    if job.status not in (Status.failed, Status.cancelled):
        return say.NOTHING
    if job.status == Status.failed and (job.attempt or 0) > 1:
        return f"tried {job.attempt}{say.TIMES}"
    if job.started_at and job.finished_at:
        return f"after {say.duration(max((job.finished_at - job.started_at).total_seconds(), 1))}"
    return say.NOTHING


def _segments(job: TranscodeJob) -> list[Segment]:
    done = job.phases or {}
    failed, completed = job.status == Status.failed, job.status == Status.completed
    segments = []
    stopped = False
    for phase, width in PHASE_WIDTHS.items():
        value = 100.0 if completed else min(100.0, max(0.0, float(done.get(phase.value) or 0)))
        tone, words = str(job.status), f"{value:.0f} %" if value else say.NOTHING
        if failed and value >= 100:
            # What went well stays blue, so that red shows where it stopped.
            tone = Status.active.value
        elif failed and not stopped:
            # At least a sliver that can be seen, also where it stopped before a percent was done.
            stopped, value, words = True, max(value, SLIVER / width), "stopped here"
        segments.append(Segment(phase.value, round(value, 1), tone, words))
    return segments


def details(the_row: JobRow, job: TranscodeJob, steps: Sequence[Step]) -> JobDetails:
    """What opens below a row; ``job`` has all its fields."""
    chunks = sorted((s for s in steps if s.kind == CHUNK), key=lambda s: s.index)
    total = job.chunks_total or len(chunks)
    running = {s.lease.worker for s in chunks if s.status == Status.active and s.lease}
    words = f"{job.chunks_done or 0} of {total}" if total else ""
    if running:
        words += f" · {len(running)} worker{'s' if len(running) > 1 else ''}"
    return JobDetails(
        row=the_row,
        cells=_cells(chunks, total, job),
        chunk_words=words,
        renditions=job.renditions or [],
        rendition_words="playable" if the_row.playable else "",
        attempts=attempts_of(job, _history(job, steps)),
    )


def _cells(chunks: Sequence[Step], total: int, job: TranscodeJob) -> list[Cell]:
    states: dict[int, Cell] = {}
    for step in chunks:
        share = min(100, round(100 * (step.frames_done or 0) / step.frames)) if step.frames else 0
        done = 100 if step.status == Status.completed else share
        title = f"Chunk {step.index + 1}: {step.status}"
        if step.status == Status.active:
            title += f", {done} %"
        if (step.attempt or 0) > 1:
            title += f", attempt {step.attempt}"
        states[step.index] = Cell(str(step.status), done, title)
    finished = job.status == Status.completed
    cells = []
    for index in range(total):
        blank = Cell("completed" if finished else "waiting", 100 if finished else 0, "")
        cells.append(states.get(index, blank))
    if total <= CELLS:
        return cells
    return [_merged(cells[i * total // CELLS : (i + 1) * total // CELLS]) for i in range(CELLS)]


def _merged(cells: Sequence[Cell]) -> Cell:
    done = sum(cell.done for cell in cells) // len(cells)
    for state in ("failed", "active", "waiting", "cancelled"):
        if any(cell.state == state for cell in cells):
            partly = state == "waiting" and done > 0
            return Cell("active" if partly else state, done, f"{len(cells)} chunks, {done} %")
    return Cell("completed", 100, f"{len(cells)} chunks")


def history_of(unit: WorkUnit) -> list[HistoryLine]:
    """A unit's own transitions."""
    return [
        HistoryLine(t.at, STATUS_WORDS.get(t.status, t.status), t.status, t.why or "", t.who)
        for t in unit.history or []
    ]


def _history(job: TranscodeJob, steps: Sequence[Step]) -> list[HistoryLine]:
    lines = history_of(job)
    for step in steps:
        # Of steps only what a person would want to know: what went wrong, and what came of it.
        name = STEP_WORDS.get(step.kind, step.kind)
        if step.kind == CHUNK:
            name = f"Chunk {step.index + 1}"
        for t in step.history or []:
            if t.status in (Status.waiting, Status.failed) and t.why and t.who != job.created_by:
                if t is step.history[0]:
                    continue
                what = f"{name} {'waits again' if t.status == Status.waiting else 'failed'}"
                lines.append(HistoryLine(t.at, what, t.status, t.why, t.who))
    return sorted(lines, key=lambda line: say.utc(line.at))


def steps_of(job_id: str) -> list[Step]:
    """The steps of a job, in order."""
    fields = (
        "job_id",
        "transcode_id",
        "kind",
        "index",
        "status",
        "progress",
        "attempt",
        "frames",
        "frames_done",
        "speed",
        "lease",
        "history",
        "failed_reason",
        "error_message",
        "started_at",
        "finished_at",
        "updated_at",
        "next_attempt_at",
    )
    return list(Step.objects(transcode_id=job_id).only(*fields).order_by("kind", "index"))
