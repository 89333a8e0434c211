"""Split: look at the source, choose the ladder, plan the chunks, take a poster."""

import logging
import threading
from pathlib import Path
from typing import Any

from tasks import keys
from tasks.actors.heartbeat import Heartbeat
from tasks.actors.job_rows import job_of, media_of
from tasks.actors.scratch import scratch_folder
from tasks.actors.tooling import probe_limits, run_limits, tools
from tasks.errors import BadInput, EncoderFailed, TimedOut
from tasks.feed import events
from tasks.infra.source_cache import source_file
from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.media.commands import audio_segments, poster_command
from tasks.media.plan import POSTER, Plan, make_plan
from tasks.media.probe import probe
from tasks.media.process import run
from tasks.media.source import SourceInfo
from tasks.models import Media, Step
from tasks.records import job_log
from tasks.records.job_log_text import SPLIT, planned, probed
from tasks.settings import get_settings

log = logging.getLogger(__name__)


def split(step: Step, beat: Heartbeat) -> dict[str, Any]:
    """Writes source, plan and ladder into the rows of media and job."""
    job = job_of(step.transcode_id)
    media = media_of(job)
    with source_file(media, beat.stop) as source:
        beat.report(progress=40.0)
        info = probe(source, tools(), probe_limits(), stop=beat.stop)
        plan = make_plan(info, target_chunk_seconds=get_settings().chunk_seconds)
        job_log.note(job.job_id, SPLIT, probed(info))
        job_log.note(job.job_id, SPLIT, planned(plan))
        media.update(source=info.model_dump(mode="json"), duration=plan.duration)
        beat.report(progress=70.0)
        if info.video is not None:
            with scratch_folder(step) as folder:
                _make_poster(job.job_id, media, source, info, folder, beat.stop)
    lifecycle.update_job(
        job.job_id,
        {
            "plan": plan.model_dump(mode="json"),
            "duration": plan.duration,
            "chunks_total": len(plan.chunks),
            "renditions": renditions_of(plan),
        },
    )
    events.publish("mediaChanged", mediaId=media.media_id, transcodeId=job.job_id)
    return {}


def renditions_of(plan: Plan) -> list[dict[str, Any]]:
    """The rows of a job's rendition table before anything is encoded."""
    segments = sum(chunk.segments for chunk in plan.chunks)
    rows: list[dict[str, Any]] = [
        {
            "name": rung.name,
            "label": rung.label,
            "width": rung.width,
            "height": rung.height,
            "segments": segments,
            "segments_done": 0,
            "size": 0,
        }
        for rung in plan.rungs
    ]
    if plan.audio is not None:
        rows.append(
            {
                "name": plan.audio.name,
                "label": "AAC",
                "segments": audio_segments(plan),
                "segments_done": 0,
                "size": 0,
            }
        )
    return rows


def _make_poster(
    job_id: str,
    media: Media,
    source: Path,
    info: SourceInfo,
    folder: Path,
    stop: threading.Event,
) -> None:
    picture = folder / POSTER
    command = poster_command(source, info, picture, tools())
    try:
        run(command, limits=run_limits(folder, 60.0), stop=stop)
        if not picture.exists():
            raise EncoderFailed("No picture could be decoded.")
    except (BadInput, EncoderFailed, TimedOut) as error:
        # A film without a poster can still be watched.
        log.warning("no poster for %s: %s", media.media_id, error.sentence)
        job_log.note(
            job_id, SPLIT, f"No poster: {error.sentence}", level="warning", detail=error.log
        )
        return
    key = keys.stream(media.media_id, POSTER)
    get_storage().put_file(key, picture, keys.content_type(POSTER))
    media.update(poster_key=key)
