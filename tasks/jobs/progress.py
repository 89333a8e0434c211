"""Computes the progress of a job: one sum over its steps and uploads."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.feed.announce import announce
from tasks.jobs import lifecycle
from tasks.models import Phase, Status, Step, StepKind, TranscodeJob, UploadJob, stored

#: Share of each phase in a job's bar, in percent: about the time that it takes.
WEIGHTS = {Phase.splitting: 3, Phase.transcoding: 87, Phase.merging: 3, Phase.uploading: 7}
#: Share of the sound in transcoding where there are pictures too.
AUDIO_SHARE = 0.03

Row = Mapping[str, Any]


def summarise(job: Row, steps: Sequence[Row], uploads: Sequence[Row]) -> dict[str, Any]:
    """The fields by which a job's row shows where it stands.

    ``job`` has ``renditions``, ``chunks_total`` and ``duration`` (seconds); steps have ``kind,
    status, progress, frames, frames_done, speed, result``; uploads ``status, progress,
    bytes_total, rendition, upload_type, files_done, files_total, speed``.
    """
    by_kind: dict[str, list[Row]] = {kind.value: [] for kind in StepKind}
    for step in steps:
        by_kind[step["kind"]].append(step)
    chunks, audio = by_kind[StepKind.CHUNK], by_kind[StepKind.AUDIO]
    phases = {
        Phase.splitting: _mean(by_kind[StepKind.SPLIT]),
        Phase.transcoding: _transcoding(chunks, audio),
        Phase.merging: _mean(by_kind[StepKind.MERGE]),
        Phase.uploading: _uploading(uploads),
    }
    # A phase is full before the next one counts, however its steps are retried.
    total = sum(WEIGHTS[phase] * done / 100 for phase, done in phases.items())
    speed = sum(c.get("speed") or 0.0 for c in chunks or audio if c["status"] == Status.active)
    done = [chunk for chunk in chunks if chunk["status"] == Status.completed]
    return {
        "progress": round(min(total, 99.9), 2),
        "phases": {phase.value: round(done, 2) for phase, done in phases.items()},
        "speed": round(speed, 2) or None,
        "eta_seconds": _eta(job, phases[Phase.transcoding], speed),
        "chunks_total": len(chunks) or job.get("chunks_total") or 0,
        "chunks_done": len(done),
        "renditions": _renditions(job, done, audio),
        "detail": _upload_detail(uploads),
    }


def _done(step: Row) -> float:
    if step["status"] == Status.completed:
        return 100.0
    frames = step.get("frames") or 0
    if frames and step.get("frames_done"):
        return float(min(100.0, 100.0 * step["frames_done"] / frames))
    return float(step.get("progress") or 0.0)


def _mean(steps: Sequence[Row]) -> float:
    return sum(_done(step) for step in steps) / len(steps) if steps else 0.0


def _transcoding(chunks: Sequence[Row], audio: Sequence[Row]) -> float:
    if not chunks:
        return _mean(audio)
    frames = sum(chunk["frames"] for chunk in chunks) or 1
    pictures = float(sum(_done(chunk) * chunk["frames"] for chunk in chunks) / frames)
    if not audio:
        return pictures
    return pictures * (1 - AUDIO_SHARE) + _mean(audio) * AUDIO_SHARE


def _uploading(uploads: Sequence[Row]) -> float:
    # One more than there are where the master is still to be made.
    master = any(upload["upload_type"] == "master_playlist" for upload in uploads)
    weights = [max(1, upload.get("bytes_total") or 1) for upload in uploads]
    if not uploads:
        return 0.0
    share = sum(
        weight * (100.0 if u["status"] == Status.completed else u.get("progress") or 0.0)
        for weight, u in zip(weights, uploads, strict=True)
    ) / sum(weights)
    return share if master else share * 0.95


def _eta(job: Row, transcoded: float, speed: float) -> float | None:
    if not speed or not job.get("duration"):
        return None
    left = job["duration"] * (100.0 - transcoded) / 100.0 / speed
    tail = (WEIGHTS[Phase.merging] + WEIGHTS[Phase.uploading]) / WEIGHTS[Phase.transcoding]
    return round(float(left + tail * job["duration"] / speed), 1)


def _renditions(job: Row, done: Sequence[Row], audio: Sequence[Row]) -> list[dict[str, Any]]:
    outputs = [step["result"] for step in [*done, *audio] if step["status"] == Status.completed]
    renditions = []
    for rendition in job.get("renditions") or []:
        mine = [
            entry for output in outputs if (entry := output.get("sizes", {}).get(rendition["name"]))
        ]
        renditions.append(
            {
                **rendition,
                "segments_done": sum(entry["segments"] for entry in mine),
                "size": sum(entry["size"] for entry in mine),
            }
        )
    return renditions


def _upload_detail(uploads: Sequence[Row]) -> str:
    current = next((u for u in uploads if u["status"] == Status.active), None)
    if current is None:
        return ""
    files = f"{current.get('files_done') or 0:,} of {current.get('files_total') or 0:,} files"
    what = "subtitle" if current.get("upload_type") == "subtitle" else "master playlist"
    return f"{current.get('rendition') or what} · {files}"


def refresh(job_id: str) -> None:
    """Writes a job's sums into its row, and tells the feed."""
    job = stored.collection(TranscodeJob).find_one(
        {"job_id": job_id}, {"renditions": 1, "duration": 1, "chunks_total": 1}
    )
    if job is None:
        return
    steps = stored.collection(Step).find(
        {"transcode_id": job_id},
        dict.fromkeys(("kind", "status", "progress", "frames", "frames_done", "speed"), 1)
        | {"result.sizes": 1},
    )
    uploads = stored.collection(UploadJob).find({"transcode_id": job_id}, {"history": 0})
    fields = summarise(job, [_with_result(step) for step in steps], list(uploads))
    # The plan may have come between reading and writing: what did not change is not written.
    _write_sizes(job, fields.pop("renditions"))
    if fields["chunks_total"] == (job.get("chunks_total") or 0):
        del fields["chunks_total"]
    updated = lifecycle.update_job(job_id, fields)
    if updated is not None:
        announce(updated, "transcodeProgress", speed=updated.speed, phase=updated.phase)


def _write_sizes(job: Row, renditions: Sequence[Row]) -> None:
    """Writes the sums of the renditions that grew, and leaves all else in their list alone."""
    sums = ("segments_done", "size")
    values: dict[str, int] = {}
    places: list[dict[str, str]] = []
    for before, after in zip(job.get("renditions") or [], renditions, strict=True):
        if any(before.get(name) != after[name] for name in sums):
            place = f"r{len(places)}"
            places.append({f"{place}.name": after["name"]})
            values |= {f"renditions.$[{place}].{name}": after[name] for name in sums}
    if values:
        stored.collection(TranscodeJob).update_one(
            {"_id": job["_id"]}, {"$set": values}, array_filters=places
        )


def _with_result(step: dict[str, Any]) -> dict[str, Any]:
    return {"result": {}, **step}
