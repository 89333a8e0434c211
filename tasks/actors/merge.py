"""Merge: put the chunks together to playlists, hold them against the plan, lay out the storyboard.

No byte of a segment is touched: chunks already are the final segments.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks import keys, streams
from tasks.actors.heartbeat import Heartbeat
from tasks.actors.job_rows import job_of, plan_of
from tasks.actors.scratch import scratch_folder
from tasks.actors.tooling import run_limits, tools
from tasks.errors import EncoderFailed, NotYet, Stopped
from tasks.feed import events
from tasks.infra.storage import ObjectInfo, get_storage
from tasks.jobs import lifecycle
from tasks.media.commands import storyboard_command
from tasks.media.plan import STORYBOARD, THUMBNAIL_FOLDER, Plan
from tasks.media.playlists import all_playlists, peak_bandwidth
from tasks.media.presentation import check_presentation
from tasks.media.process import run
from tasks.media.segments import ChunkOutput, RenditionOutput, inits_of, join, odd_chunks
from tasks.media.storyboard import sheets, webvtt
from tasks.media.tracks import is_sound
from tasks.media.verify import verify
from tasks.models import Step, StepKind, Stream, TranscodeJob
from tasks.records import job_log
from tasks.settings import get_settings

#: Files read at the same time.
PARALLEL = 8


@dataclass(frozen=True)
class Encoded:
    """A completed chunk or audio step, and what it put under ``prefix``; audio is no chunk."""

    step: Step
    prefix: str
    renditions: tuple[RenditionOutput, ...]
    chunk: ChunkOutput | None

    @property
    def keys(self) -> list[str]:
        """The keys of all its files."""
        names = list(self.chunk.thumbnails) if self.chunk is not None else []
        for rendition in self.renditions:
            names += [rendition.init_name, *(segment.name for segment in rendition.segments)]
        return [self.prefix + name for name in names]


def merge(step: Step, beat: Heartbeat) -> dict[str, Any]:
    """Puts all playlists into the work area and the storyboard to the stream.

    ``result``: ``prefix`` of the playlists' keys, ``playlists`` their names, ``frames``.
    """
    job = job_of(step.transcode_id)
    stream, plan = streams.of_job(job), plan_of(job)
    encoded = [_encoded(row) for row in _encodes(job)]
    area = get_storage().list(keys.work(job.job_id))
    _redo_unusable(encoded, area, _settled(stream, encoded))
    renditions = _whole(plan, encoded)
    frames = max((r.frames for r in renditions if not is_sound(r.name)), default=0)
    texts = all_playlists(plan, renditions)
    problems = check_presentation(texts, _sizes(encoded, area), plan, frames=frames or None)
    if problems:
        raise EncoderFailed(problems[0], log="\n".join(problems))
    beat.report(progress=20.0)
    with scratch_folder(step) as folder:
        if plan.rungs:
            _make_storyboard(stream, plan, encoded, folder, beat.stop)
        beat.report(progress=40.0)
        for number, rendition in enumerate(renditions, 1):
            _verify(plan, rendition, encoded, texts, folder / rendition.name, beat.stop)
            beat.report(progress=40.0 + 50.0 * number / len(renditions))
    prefix = keys.work(job.job_id, "merge", step.lease.token[:12], "")
    for name, text in texts.items():
        get_storage().put_bytes(prefix + name, text.encode(), keys.content_type(name))
    lifecycle.update_job(job.job_id, {"renditions": _with_bitrates(job, renditions)})
    checked = f"{len(texts)} playlists agree with the plan and with {frames:,} frames."
    job_log.note(job.job_id, StepKind.MERGE.value, checked)
    return {"result": {"prefix": prefix, "playlists": list(texts), "frames": frames}}


def _encodes(job: TranscodeJob) -> Sequence[Step]:
    kinds = [StepKind.CHUNK.value, StepKind.AUDIO.value]
    rows: Sequence[Step] = Step.objects(transcode_id=job.job_id, kind__in=kinds).order_by("index")
    return rows


def _encoded(row: Step) -> Encoded:
    renditions = tuple(RenditionOutput.model_validate(r) for r in row.result["renditions"])
    is_chunk = row.kind == StepKind.CHUNK.value
    chunk = ChunkOutput.model_validate(row.result) if is_chunk else None
    return Encoded(row, row.result["prefix"], renditions, chunk)


def _settled(stream: Stream, encoded: Sequence[Encoded]) -> tuple[str, ...]:
    """The init segments that somebody may be watching already, as the first chunk has them."""
    first = next((part.chunk for part in encoded if part.chunk and part.chunk.index == 0), None)
    return inits_of(first) if stream.grown and first is not None else ()


def _redo_unusable(
    encoded: Sequence[Encoded], area: dict[str, ObjectInfo], settled: tuple[str, ...]
) -> None:
    """Sends back chunks that do not fit or whose files are gone. Raises NotYet, EncoderFailed."""
    odd = odd_chunks([part.chunk for part in encoded if part.chunk is not None], settled)
    unusable: list[tuple[Encoded, str, bool]] = []
    for part in encoded:
        if part.chunk is not None and part.chunk.index in odd:
            why = "Its init segment differs from that of the other chunks."
            unusable.append((part, why, True))
        elif any(key not in area for key in part.keys):
            unusable.append((part, "Its files are not in the work area any more.", False))
    for part, why, anew in unusable:
        if part.step.attempt >= get_settings().max_attempts:
            raise EncoderFailed(f"Chunk {part.step.index + 1} cannot be used: {why}")
        lifecycle.redo(part.step, why, anew=anew)
    if unusable:
        raise NotYet(f"{len(unusable)} chunks have to be encoded again.")


def _whole(plan: Plan, encoded: Sequence[Encoded]) -> list[RenditionOutput]:
    """Every rendition of the plan, over all chunks, and the sound. Raises EncoderFailed."""
    chunks = [part.chunk for part in encoded if part.chunk is not None]
    sound = [rendition for part in encoded if part.chunk is None for rendition in part.renditions]
    return [*(join(plan, chunks) if plan.chunks else ()), *sound]


def _sizes(encoded: Sequence[Encoded], area: dict[str, ObjectInfo]) -> dict[str, int]:
    return {key.removeprefix(part.prefix): area[key].size for part in encoded for key in part.keys}


def _fetch(wanted: Sequence[tuple[str, Path]], stop: threading.Event) -> None:
    """Reads (key, path) pairs to files."""

    def get(entry: tuple[str, Path]) -> None:
        if stop.is_set():
            raise Stopped("Stopped while reading from storage.")
        key, path = entry
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(get_storage().get_bytes(key))

    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(get, wanted))


def _make_storyboard(
    stream: Stream, plan: Plan, encoded: Sequence[Encoded], folder: Path, stop: threading.Event
) -> None:
    wanted = [
        (part.prefix + name, folder / name)
        for part in encoded
        if part.chunk is not None
        for name in part.chunk.thumbnails
    ]
    _fetch(wanted, stop)
    storage = get_storage()
    for sheet in sheets(len(wanted)):
        command = storyboard_command(folder / THUMBNAIL_FOLDER, sheet, folder, tools())
        run(command, limits=run_limits(folder, 60.0), stop=stop)
        key = keys.stream(stream.media_id, stream.folder, sheet.name)
        storage.put_file(key, folder / sheet.name, keys.content_type(sheet.name))
    key = keys.stream(stream.media_id, stream.folder, STORYBOARD)
    text = webvtt(plan, len(wanted))
    storage.put_bytes(key, text.encode(), keys.content_type(STORYBOARD))
    streams.note(stream, storyboard_key=key)
    events.publish("mediaChanged", kind="media", mediaId=stream.media_id)


def _verify(
    plan: Plan,
    rendition: RenditionOutput,
    encoded: Sequence[Encoded],
    texts: dict[str, str],
    folder: Path,
    stop: threading.Event,
) -> None:
    """Lets ffprobe read one whole rendition, which then leaves the disk again."""
    wanted: dict[str, str] = {}
    for part in encoded:
        for output in part.renditions:
            if output.name == rendition.name:
                names = [output.init_name, *(segment.name for segment in output.segments)]
                wanted |= {name: part.prefix + name for name in names}
    _fetch([(key, folder / name) for name, key in wanted.items()], stop)
    for name, text in texts.items():
        if name.startswith(f"{rendition.name}/"):
            (folder / name).write_text(text)
    only = plan.model_copy(
        update={
            "rungs": tuple(rung for rung in plan.rungs if rung.name == rendition.name),
            "audio": next((s for s in plan.sounds if s.name == rendition.name), None),
            "other_audio": (),
        }
    )
    limits = run_limits(folder, plan.duration)
    problems = verify(folder, only, tools(), frames=rendition.frames, limits=limits, stop=stop)
    if problems:
        raise EncoderFailed(problems[0], log="\n".join(problems))
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def _with_bitrates(job: TranscodeJob, outputs: Sequence[RenditionOutput]) -> list[dict[str, Any]]:
    by_name = {output.name: output for output in outputs}
    rows = []
    for row in job.renditions:
        output = by_name.get(row["name"])
        if output is None:
            continue  # a sound track that was left out
        size = sum(segment.size for segment in output.segments)
        peak = peak_bandwidth([(segment.size, segment.duration) for segment in output.segments])
        rows.append(
            {
                **row,
                "segments": len(output.segments),
                "bandwidth": peak,
                "average_bandwidth": round(size * 8 / output.duration),
                **({"loudness": output.loudness.model_dump()} if output.loudness else {}),
            }
        )
    return rows
