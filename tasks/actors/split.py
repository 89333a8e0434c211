"""Split: look at the source, choose the ladder, plan the chunks. All else waits for this."""

from typing import Any

from tasks import streams
from tasks.actors.heartbeat import Heartbeat
from tasks.actors.job_rows import job_of, media_of
from tasks.actors.tooling import probe_limits, tools
from tasks.feed import events
from tasks.infra.source_cache import source_file
from tasks.jobs import lifecycle
from tasks.media.commands import audio_segments
from tasks.media.plan import Plan, make_plan
from tasks.media.probe import survey
from tasks.media.tracks import names
from tasks.models import Step
from tasks.records import job_log
from tasks.records.job_log_text import SPLIT, planned, probed
from tasks.settings import get_settings


def split(step: Step, beat: Heartbeat) -> dict[str, Any]:
    """Writes source, plan and ladder into the rows of media and job."""
    job = job_of(step.transcode_id)
    media = media_of(job)
    stream = streams.of_job(job)
    with source_file(media, beat.stop) as source:
        beat.report(progress=40.0)
        seen = survey(source, tools(), probe_limits(), stop=beat.stop)
        info = seen.info
        target = get_settings().chunk_seconds
        plan = make_plan(info, points=seen.points, target_chunk_seconds=target)
        job_log.note(job.job_id, SPLIT, probed(info))
        for note in info.notes:
            job_log.note(job.job_id, SPLIT, note, level="warning")
        job_log.note(job.job_id, SPLIT, planned(plan))
        media.update(source=info.model_dump(mode="json"))
        streams.note(stream, duration=plan.duration)
    lifecycle.update_job(
        job.job_id,
        {
            "plan": plan.model_dump(mode="json"),
            "duration": plan.duration,
            "chunks_total": len(plan.chunks),
            "renditions": renditions_of(plan),
        },
    )
    events.publish("mediaChanged", kind="media", mediaId=media.media_id, transcodeId=job.job_id)
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
    rows += [
        {
            "name": audio.name,
            "label": "AAC",
            "track": name,
            "language": audio.tag,
            "segments": audio_segments(plan),
            "segments_done": 0,
            "size": 0,
        }
        for audio, name in zip(plan.sounds, names(plan.sounds), strict=True)
    ]
    return rows
