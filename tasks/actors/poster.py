"""The poster: one picture of the film, taken beside the encoding."""

import logging
from typing import Any

from tasks import keys, streams
from tasks.actors.heartbeat import Heartbeat
from tasks.actors.job_rows import job_of, media_of, source_of
from tasks.actors.scratch import scratch_folder
from tasks.actors.tooling import run_limits, straight, tools
from tasks.errors import BadInput, EncoderFailed, TimedOut
from tasks.feed import events
from tasks.infra.source_cache import source_file
from tasks.infra.storage import get_storage
from tasks.media.commands import poster_command
from tasks.media.plan import POSTER
from tasks.media.process import run
from tasks.models import Step, StepKind
from tasks.records import job_log

log = logging.getLogger(__name__)


def make_poster(step: Step, beat: Heartbeat) -> dict[str, Any]:
    """Puts the poster to the stream. A film without a poster can still be watched, so one that
    cannot be made is only noted in the job's log.
    """
    job = job_of(step.transcode_id)
    media, stream = media_of(job), streams.of_job(job)
    info = source_of(media)
    with source_file(media, beat.stop) as source, scratch_folder(step) as folder:
        picture = folder / POSTER
        command = poster_command(straight(source, info, beat.stop), info, picture, tools())
        try:
            run(command, limits=run_limits(folder, 60.0), stop=beat.stop)
            if not picture.exists():
                raise EncoderFailed("No picture could be decoded.")
        except (BadInput, EncoderFailed, TimedOut) as error:
            log.warning("no poster for %s: %s", media.media_id, error.sentence)
            sentence = f"No poster: {error.sentence}"
            job_log.note(
                job.job_id, StepKind.POSTER.value, sentence, level="warning", detail=error.log
            )
            return {}
        key = keys.stream(stream.media_id, stream.folder, POSTER)
        get_storage().put_file(key, picture, keys.content_type(POSTER))
    streams.note(stream, poster_key=key)
    events.publish("mediaChanged", kind="media", mediaId=media.media_id, transcodeId=job.job_id)
    return {}
