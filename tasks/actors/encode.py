"""Transcode: one chunk in every rendition, or the sound of the whole film."""

from collections.abc import Iterable
from typing import Any

from tasks import keys
from tasks.actors.heartbeat import Heartbeat
from tasks.actors.job_rows import job_of, media_of, plan_of, source_of
from tasks.actors.scratch import put_folder, scratch_folder
from tasks.actors.tooling import run_limits, straight, tools
from tasks.infra.source_cache import source_file
from tasks.media.commands import output_folders
from tasks.media.pictures import encode_pictures
from tasks.media.process import Progress
from tasks.media.segments import RenditionOutput
from tasks.media.sound import encode_sound
from tasks.models import Step, StepKind
from tasks.records import job_log
from tasks.records.job_log_text import WARNING, ended_early
from tasks.settings import get_settings

#: Share of a chunk's bar that is encoding; the rest is putting the segments into the work area.
ENCODING_SHARE = 97.0


def encode_chunk(step: Step, beat: Heartbeat) -> dict[str, Any]:
    """Puts the chunk's segments and thumbnails into the work area.

    ``result`` is a dumped ChunkOutput with ``prefix`` (of its keys) and ``sizes``.
    """
    job = job_of(step.transcode_id)
    media, plan = media_of(job), plan_of(job)
    chunk = plan.chunks[step.index]

    def show(progress: Progress) -> None:
        frames = min(progress.frame, chunk.frames)
        beat.report(
            frames_done=frames,
            speed=progress.speed,
            progress=ENCODING_SHARE * frames / chunk.frames,
        )

    info = source_of(media)
    with source_file(media, beat.stop) as fetched, scratch_folder(step) as folder:
        source = straight(fetched, info, beat.stop)
        for output_folder in output_folders(plan, folder):
            output_folder.mkdir()
        output = encode_pictures(
            source,
            info,
            plan,
            chunk,
            folder,
            tools(),
            preset=get_settings().x264_preset,
            limits=run_limits(folder, chunk.frames / float(plan.rate)),
            stop=beat.stop,
            on_progress=show,
        )
        prefix = work_prefix(step)
        put_folder(folder, prefix, beat.stop)
    if output.held:
        job_log.note(job.job_id, f"chunk {step.index + 1}", ended_early(output.held), level=WARNING)
    result = {
        **output.model_dump(mode="json"),
        "prefix": prefix,
        "sizes": sizes(output.renditions),
    }
    return {"result": result, "frames_done": output.frames, "speed": None}


def encode_audio(step: Step, beat: Heartbeat) -> dict[str, Any]:
    """Puts the sound tracks into the work area; ``result`` is as for a chunk.

    Tracks that cannot be encoded are left out of it, if one is good, and the job's log says so.
    """
    job = job_of(step.transcode_id)
    media, plan = media_of(job), plan_of(job)

    def show(progress: Progress) -> None:
        share = min(1.0, progress.out_time_s / plan.duration)
        beat.report(
            frames_done=round(share * step.frames),
            speed=progress.speed,
            progress=ENCODING_SHARE * share,
        )

    info = source_of(media)
    with source_file(media, beat.stop) as fetched, scratch_folder(step) as folder:
        source = straight(fetched, info, beat.stop)
        for output_folder in output_folders(plan, folder):
            output_folder.mkdir()
        sound = encode_sound(
            source,
            info,
            plan,
            folder,
            tools(),
            limits=run_limits(folder, plan.duration * len(plan.sounds)),
            target=loudness_target(),
            stop=beat.stop,
            on_progress=show,
        )
        prefix = work_prefix(step)
        put_folder(folder, prefix, beat.stop)
    for note in sound.notes:
        job_log.note(job.job_id, StepKind.AUDIO.value, note, level="warning")
    result = {
        "renditions": [output.model_dump(mode="json") for output in sound.renditions],
        "thumbnails": [],
        "prefix": prefix,
        "sizes": sizes(sound.renditions),
    }
    return {"result": result, "speed": None}


def work_prefix(step: Step) -> str:
    """Where this attempt's files lie. Two attempts never share a key, so a worker that does not
    know yet that it lost its lease cannot change what its successor wrote."""
    part = step.job_id.removeprefix(f"{step.transcode_id}.")
    return keys.work(step.transcode_id, part, step.lease.token[:12], "")


def sizes(outputs: Iterable[RenditionOutput]) -> dict[str, dict[str, int]]:
    """``{rendition: {segments, size}}``, size in bytes: what the screen wants to know."""
    return {
        output.name: {
            "segments": len(output.segments),
            "size": sum(segment.size for segment in output.segments),
        }
        for output in outputs
    }


def loudness_target() -> float | None:
    """LUFS that sound is brought to; None where it stays as it is."""
    wanted = get_settings().loudness
    return None if wanted == "off" else float(wanted)
