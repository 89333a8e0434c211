"""The text of a transcode job's log: pure functions of rows and values."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tasks.media.plan import Plan
from tasks.media.source import SourceInfo
from tasks.models import Status, Step, StepKind, TranscodeJob, UploadJob, WorkUnit

INFO, WARNING, ERROR = "info", "warning", "error"
#: What a line is about where it is about the whole job.
JOB = "job"
SPLIT = StepKind.SPLIT.value

_RECONCILER = "reconciler"


class Line(NamedTuple):
    """A line before it is written; ``detail`` is the end of a tool's log, or empty."""

    step: str
    level: str
    message: str
    detail: str = ""


def _part(unit_cls: type[WorkUnit], row: Mapping[str, Any]) -> str:
    if unit_cls is Step:
        kind = row["kind"]
        return f"chunk {(row.get('index') or 0) + 1}" if kind == StepKind.CHUNK else str(kind)
    if unit_cls is UploadJob:
        return f"upload {row['job_id'].rsplit('.upload.', 1)[-1]}"
    return JOB


def line_of(
    unit_cls: type[WorkUnit], row: Mapping[str, Any], who: str, why: str, *, stayed: bool = False
) -> Line | None:
    """The line about the state that a row has just come to; None where it is not worth one.

    ``stayed``: something was done to the row that left its state. Steps that end because their job
    ended say nothing: the job does.
    """
    part = _part(unit_cls, row)
    if stayed:
        return Line(part, INFO, why)
    if row["status"] == Status.completed:
        return Line(part, INFO, _done(unit_cls, row))
    if row["status"] == Status.waiting:
        return _waits_again(row, part, why, who)
    return _moved(part, row["status"], row.get("attempt"), who, why, row.get("error_log"))


def _moved(
    part: str, status: str, attempt: int | None, who: str, why: str, log: str | None
) -> Line | None:
    if status == Status.active:
        return Line(part, INFO, f"Attempt {attempt or 1}, by {who}.")
    if status == Status.failed:
        return Line(part, ERROR, why or "It failed.", log or "")
    step = part != JOB and not part.startswith("upload ")
    return None if step else Line(part, WARNING, why or "Cancelled.")


def _waits_again(row: Mapping[str, Any], part: str, why: str, who: str) -> Line | None:
    due_at = row.get("next_attempt_at")
    if due_at is not None:
        at = due_at.strftime("%H:%M:%S")
        again = f"{why} Attempt {(row.get('attempt') or 0) + 1} comes at {at} UTC."
        return Line(part, WARNING, again, row.get("error_log") or "")
    if who == _RECONCILER:
        return Line(part, WARNING, f"{why} It waits for another worker.")
    return Line(part, INFO, why) if why else None


def _done(unit_cls: type[WorkUnit], row: Mapping[str, Any]) -> str:
    if unit_cls is TranscodeJob:
        return "Completed: the stream is in its place."
    if unit_cls is UploadJob:
        files = row.get("files_total") or 0
        size = megabytes(row.get("bytes_total"))
        return f"Done: {files:,} file{'' if files == 1 else 's'}, {size}."
    sizes = (row.get("result") or {}).get("sizes") or {}
    if not sizes:
        return "Done."
    total = sum(entry.get("size") or 0 for entry in sizes.values())
    segments = sum(entry.get("segments") or 0 for entry in sizes.values())
    frames = f"{row.get('frames') or 0:,} frames, " if row.get("kind") == StepKind.CHUNK else ""
    word = "segment" if segments == 1 else "segments"
    return f"Done: {frames}{', '.join(sizes)} · {segments:,} {word}, {megabytes(total)}."


def probed(info: SourceInfo) -> str:
    """The source in a sentence."""
    words = []
    if info.video is not None:
        video = info.video
        rate = f"{round(float(video.rate), 3):g}{' (variable)' if video.is_vfr else ''}"
        words.append(f"{video.codec} {video.width}x{video.height} at {rate} frames a second")
    count = len(info.audio)
    if count:
        first = info.audio[0]
        words.append(f"{first.codec} {first.layout or first.channels} sound")
        if count > 1:
            words.append(f"{count - 1} more sound track{'' if count == 2 else 's'}")
    return f"Source: {info.format_name.split(',')[0]}, {', '.join(words) or 'nothing in it'}."


def ended_early(frames: int) -> str:
    """A source whose last pictures cannot be decoded, in a sentence."""
    what = "last picture" if frames == 1 else f"last {frames} pictures"
    return f"The {what} cannot be decoded; the one before stays instead, to the end of the sound."


def planned(plan: Plan) -> str:
    """The ladder and the chunks in a sentence."""
    rungs = [rung.name for rung in plan.rungs] + [sound.name for sound in plan.sounds]
    chunks = len(plan.chunks)
    paired = [
        f" The mono tracks {sound.stream_index} and {sound.right_index} are left and right of one."
        for sound in plan.sounds
        if sound.right_index is not None
    ]
    return (
        f"Ladder: {', '.join(rungs)}; {chunks} chunk{'' if chunks == 1 else 's'}"
        f" over {plan.duration:.1f} s.{''.join(paired)}"
    )


def megabytes(size: float | None) -> str:
    """A size in bytes, for people; what is small in kB."""
    known = size or 0
    return f"{known / 1e6:,.1f} MB" if known >= 100_000 else f"{known / 1e3:,.1f} kB"
