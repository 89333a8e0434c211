"""What of a job ran when: a lane for each kind of work, all to one scale of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tasks.models import FINISHED, Status, Step, TranscodeJob, UploadJob, WorkUnit
from webapp import format as say

#: The width of the whole time, and the least of a stretch that is drawn.
WIDTH, SLIVER = 1000.0, 4.0
#: Height of a track and the gap below it. What ran at the same time lies in tracks of its own.
TRACK, GAP = 8, 2
MOST_TRACKS = 6
#: Seconds from which on the middle of the scale is told: whole seconds say nothing of less.
SHORTEST_HALVED = 4
_KINDS = {
    "split": "Split",
    "audio": "Audio",
    "subtitles": "Text tracks",
    "poster": "Poster",
    "chunk": "Chunks",
    "merge": "Merge",
    "upload": "Uploads",
}
#: What many units are together: the first of these that one of them is.
_WORST = (Status.failed, Status.active, Status.cancelled, Status.waiting, Status.completed)


@dataclass(frozen=True)
class Stretch:
    """A unit's time of work, in the units of the drawing; ``title`` says it in words."""

    x: float
    y: int
    width: float
    status: str
    title: str


@dataclass(frozen=True)
class Lane:
    """All units of one kind; ``notes`` are their errors, each once."""

    name: str
    status: str
    word: str
    took: str
    height: int
    stretches: Sequence[Stretch]
    notes: Sequence[str]


@dataclass(frozen=True)
class Waterfall:
    """``ticks`` are the beginning, the middle (of what is not short) and the end, as words."""

    lanes: Sequence[Lane]
    ticks: Sequence[str]


def waterfall_of(
    job: TranscodeJob,
    steps: Sequence[Step],
    uploads: Sequence[UploadJob],
    now: datetime | None = None,
) -> Waterfall:
    """Lanes in the order of the work; empty before any of it. What ran before the job's latest
    attempt, or after its end, has a lane and no stretch."""
    now = now or datetime.now(UTC)
    kinds: dict[str, list[WorkUnit]] = {}
    for step in steps:
        if step.kind in _KINDS:
            kinds.setdefault(step.kind, []).append(step)
    if uploads:
        kinds["upload"] = list(uploads)
    spans = [_span(unit, now) for units in kinds.values() for unit in units if unit.started_at]
    begin = say.utc(job.started_at) if job.started_at else min((s[0] for s in spans), default=now)
    if job.status == Status.active:
        end = now
    elif job.finished_at:
        end = say.utc(job.finished_at)
    else:
        end = max((s[1] for s in spans), default=begin)
    seconds = max(1.0, (end - begin).total_seconds())
    lanes = [
        _lane(name, kinds[kind], begin, seconds, now, _total(kind, job))
        for kind, name in _KINDS.items()
        if kind in kinds
    ]
    middle = [say.duration(seconds / 2)] if seconds >= SHORTEST_HALVED else []
    return Waterfall(lanes, ["0 s", *middle, say.duration(seconds)])


def _total(kind: str, job: TranscodeJob) -> int:
    return int(job.chunks_total or 0) if kind == "chunk" else 0


def _span(unit: WorkUnit, now: datetime) -> tuple[datetime, datetime]:
    start = say.utc(unit.started_at)
    if unit.status == Status.active:
        return start, max(start, now)
    over = unit.finished_at if unit.status in FINISHED else None
    return start, max(start, say.utc(over or unit.updated_at or unit.started_at))


def _lane(
    name: str,
    units: Sequence[WorkUnit],
    begin: datetime,
    seconds: float,
    now: datetime,
    total: int,
) -> Lane:
    status = next((s for s in _WORST if any(u.status == s for u in units)), Status.waiting)
    done = sum(unit.status == Status.completed for unit in units)
    total = max(total, len(units))
    if status == Status.completed and done < total:
        status = Status.active
    word = status.value.capitalize() if total == 1 else f"{say.count(done)} of {say.count(total)}"
    spans = sorted(
        ((*_span(unit, now), unit) for unit in units if unit.started_at), key=lambda s: s[0]
    )
    scale = WIDTH / seconds
    ends: list[float] = []
    stretches = []
    inside = []
    for start, end, unit in spans:
        left = max(0.0, (start - begin).total_seconds())
        right = min(seconds, (end - begin).total_seconds())
        if right < left:
            continue
        inside.append((start, end))
        track = next((i for i, upto in enumerate(ends) if upto <= left), len(ends))
        if track < MOST_TRACKS:
            ends[track : track + 1] = [right]
        width = max(SLIVER, (right - left) * scale - 1)
        x = min(left * scale, WIDTH - SLIVER)
        y = min(track, MOST_TRACKS - 1) * (TRACK + GAP)
        title = _title(unit, name, (end - start).total_seconds(), total)
        stretches.append(Stretch(round(x, 1), y, round(width, 1), str(unit.status), title))
    took = ""
    if inside:
        longest = max(end for _, end in inside) - min(start for start, _ in inside)
        took = say.duration(max(1.0, longest.total_seconds()))
    return Lane(
        name=name,
        status=status.value,
        word=word,
        took=took,
        height=max(1, len(ends)) * (TRACK + GAP) - GAP,
        stretches=stretches,
        notes=list(dict.fromkeys(u.error_message for u in units if u.error_message)),
    )


def _title(unit: WorkUnit, name: str, seconds: float, total: int) -> str:
    called = name
    if isinstance(unit, UploadJob):
        called = f"Upload {unit.rendition or unit.language or ''}".strip()
    elif total > 1:
        called = f"{name.removesuffix('s')} {unit.index + 1}"
    words = f"{called}: {unit.status}, {say.duration(max(1.0, seconds))}"
    return f"{words}, attempt {unit.attempt}" if (unit.attempt or 0) > 1 else words
