"""Transcode: one chunk in every rendition, or the sound of the whole film."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tasks import keys, streams
from tasks.actors.emission import Emission
from tasks.actors.growth import grow
from tasks.actors.heartbeat import Heartbeat
from tasks.actors.job_rows import job_of, media_of, plan_of, source_of
from tasks.actors.kept import Kept, keep
from tasks.actors.scratch import put_files, scratch_folder
from tasks.actors.tooling import run_limits, straight, tools
from tasks.infra.source_cache import source_file
from tasks.media.commands import output_folders
from tasks.media.pictures import encode_pictures
from tasks.media.plan import Chunk, Plan
from tasks.media.process import Progress
from tasks.media.segments import (
    AudioReader,
    ChunkOutput,
    RenditionOutput,
    VideoReader,
    check_audio_length,
    continued,
    thumbnails_of,
)
from tasks.media.sound import encode_sound
from tasks.models import Media, Step, StepKind
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
    prefix = work_prefix(step)
    kept = keep(step, prefix, streams.prefix(streams.of_job(job)))
    # Thumbnails that were lost cannot be made alone.
    rest = plan.rest_of(chunk, kept.segments if kept.whole else 0)
    if rest is None:
        output = ChunkOutput(
            index=chunk.index, frames=kept.frames, renditions=kept.renditions, thumbnails=()
        )
    else:
        output = _encode(step, beat, media, plan, rest, kept, prefix)
    if output.held:
        job_log.note(job.job_id, f"chunk {step.index + 1}", ended_early(output.held), level=WARNING)
    whole = output.model_copy(
        update={
            "frames": output.renditions[0].frames,
            "thumbnails": tuple(sorted({*kept.thumbnails, *output.thumbnails})),
        }
    )
    result = {**whole.model_dump(mode="json"), "prefix": prefix, "sizes": sizes(whole.renditions)}
    return {"result": result, "part": {}, "frames_done": whole.frames, "speed": None}


def _encode(
    step: Step, beat: Heartbeat, media: Media, plan: Plan, rest: Chunk, kept: Kept, prefix: str
) -> ChunkOutput:
    """Encodes what is left of a chunk, and puts it into the work area.

    Gives back the renditions, with what was kept, and the thumbnails made.
    """
    chunk = plan.chunks[step.index]
    before = chunk.frames - rest.frames
    skip = kept.segments if rest == chunk else 0

    def show(progress: Progress) -> None:
        frames = min(before + progress.frame, chunk.frames)
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
        emission = Emission(
            step,
            beat,
            folder,
            prefix,
            [VideoReader(folder, rung.name, plan, rest) for rung in plan.rungs],
            kept=kept,
            skip=skip,
            # The last segment is made anew where the source ends early.
            most=rest.segments - 1,
            thumbnails=lambda frames: thumbnails_of(plan, rest, frames),
            on_more=lambda: grow(step.transcode_id),
        )
        with emission:
            output = encode_pictures(
                source,
                info,
                plan,
                rest,
                folder,
                tools(),
                preset=get_settings().x264_preset,
                limits=run_limits(folder, rest.frames / float(plan.rate)),
                stop=beat.stop,
                on_progress=show,
            )
        renditions = _put_rest(folder, output.renditions, output.thumbnails, emission, prefix, beat)
    return output.model_copy(update={"renditions": renditions})


def _put_rest(
    folder: Path,
    made: Sequence[RenditionOutput],
    thumbnails: Sequence[str],
    emission: Emission,
    prefix: str,
    beat: Heartbeat,
) -> tuple[RenditionOutput, ...]:
    """Puts the files of an encoder that were not put while it was at work.

    Gives back the renditions with all that was sent and kept before.
    """
    names = [*thumbnails]
    for rendition in made:
        names += [rendition.init_name, *(s.name for s in rendition.segments[emission.count :])]
    put_files(folder, [name for name in names if name not in emission.sent], prefix, beat.stop)
    return continued(emission.renditions, made, emission.count)


def encode_audio(step: Step, beat: Heartbeat) -> dict[str, Any]:
    """Puts the sound tracks into the work area; ``result`` is as for a chunk.

    Tracks that cannot be encoded are left out of it, if one is good, and the job's log says so.
    """
    job = job_of(step.transcode_id)
    media, plan = media_of(job), plan_of(job)
    prefix = work_prefix(step)
    kept = keep(step, prefix, streams.prefix(streams.of_job(job)))

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
        target = loudness_target()
        emission = Emission(
            step,
            beat,
            folder,
            prefix,
            # Sound that is made louder is encoded more than once: only the last time counts.
            [] if target is not None else [AudioReader(folder, sound) for sound in plan.sounds],
            kept=kept,
            skip=kept.segments,
            thumbnails=lambda _frames: (),
            on_more=lambda: grow(step.transcode_id),
        )
        with emission:
            sound = encode_sound(
                source,
                source_of(media),
                plan,
                folder,
                tools(),
                limits=run_limits(folder, plan.duration * len(plan.sounds)),
                target=target,
                stop=beat.stop,
                on_progress=show,
            )
        renditions = _put_rest(folder, sound.renditions, (), emission, prefix, beat)
    for output in renditions:
        check_audio_length(plan, output)
    for note in sound.notes:
        job_log.note(job.job_id, StepKind.AUDIO.value, note, level="warning")
    result = {
        "renditions": [output.model_dump(mode="json") for output in renditions],
        "thumbnails": [],
        "prefix": prefix,
        "sizes": sizes(renditions),
    }
    return {"result": result, "part": {}, "speed": None}


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
