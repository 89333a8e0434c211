"""Lists the files that a rendition is made of, and those of them that are missing."""

from collections.abc import Iterable, Mapping

from tasks import keys
from tasks.infra.storage import ObjectInfo
from tasks.media.plan import GROWING, playlist_name
from tasks.models import Step, StepKind, Stream, Subtitle, TranscodeJob
from tasks.subtitles.segments import names

_ENCODES = [StepKind.CHUNK.value, StepKind.AUDIO.value]


def rendition_files(job: TranscodeJob, rendition: str) -> dict[str, str]:
    """Name in the rendition's folder → key in the work area; playlists come last."""
    files: dict[str, str] = {}
    for step in encodes_of(job):
        for output in step.result.get("renditions", []):
            if output["name"] == rendition:
                names = [segment["name"] for segment in output["segments"]]
                for name in [output["init_name"], *names]:
                    short = name.removeprefix(f"{rendition}/")
                    files.setdefault(short, step.result["prefix"] + name)
    merge = merge_of(job)
    if merge is not None:
        for name in merge.result.get("playlists", []):
            if name.startswith(f"{rendition}/"):
                files[name.removeprefix(f"{rendition}/")] = merge.result["prefix"] + name
            if name == playlist_name(rendition) and _grew(job):
                # Who has been watching while it grew sees in the same place that it is whole.
                files[GROWING] = merge.result["prefix"] + name
    return files


def _grew(job: TranscodeJob) -> bool:
    watched = Stream.objects(stream_id=job.stream_id, playable_until__gt=0)
    return bool(job.stream_id) and watched.only("id").first() is not None


def encodes_of(job: TranscodeJob) -> Iterable[Step]:
    """The chunks in order, and the sound."""
    rows: Iterable[Step] = Step.objects(
        transcode_id=job.job_id, kind__in=_ENCODES, status="completed"
    ).order_by("index")
    return rows


def merge_of(job: TranscodeJob) -> Step | None:
    """The merge step, once it is completed."""
    step: Step | None = Step.objects(
        transcode_id=job.job_id, kind=StepKind.MERGE.value, status="completed"
    ).first()
    return step


def steps_behind(job: TranscodeJob, missing: Iterable[str]) -> list[Step]:
    """The completed steps that wrote these keys of the work area."""
    wanted = list(missing)
    merge = merge_of(job)
    steps = [*encodes_of(job), *([merge] if merge is not None else [])]
    return [
        step
        for step in steps
        if any(key.startswith(step.result.get("prefix") or "\0") for key in wanted)
    ]


def rendition_prefix(stream: Stream, rendition: str) -> str:
    """Prefix of the keys of one rendition of a stream."""
    return keys.stream(stream.media_id, stream.folder, rendition, "")


def missing_outputs(
    job: TranscodeJob, stream: Stream, there: Mapping[str, ObjectInfo]
) -> dict[str, list[str]]:
    """For each rendition of the job's stream that lacks files their keys.

    ``there`` is what lies below the stream's prefix, at least.
    """
    lacking: dict[str, list[str]] = {}
    for rendition in job.renditions:
        name = rendition["name"]
        target = rendition_prefix(stream, name)
        wanted = [target + file for file in rendition_files(job, name)]
        if absent := [key for key in wanted if key not in there]:
            lacking[name] = absent
    return lacking


def missing_subtitles(
    media_id: str, there: Mapping[str, ObjectInfo]
) -> list[tuple[Subtitle, list[str]]]:
    """Each subtitle that masters may list although files of it are not there, with their keys."""
    lacking = []
    for subtitle in Subtitle.objects(media_id=media_id, removed_at=None, published_at__ne=None):
        target = keys.video(media_id, subtitle.folder, "")
        wanted = [target + name for name in names(subtitle.film_seconds or 0.0)]
        if absent := [key for key in wanted if key not in there]:
            lacking.append((subtitle, absent))
    return lacking
