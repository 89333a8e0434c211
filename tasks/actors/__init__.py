"""The actors: thin, one a queue. ``python -m dramatiq tasks.actors`` runs them.

Each message names a row; ``perform`` claims it, does the work and reports. Smaller priority numbers
go first in a worker, so a merge or an upload never waits behind another film's chunks.

May import: everything of ``tasks`` but recovery, removal, cloudwatch and reports.
"""

from collections.abc import Callable, Mapping
from typing import Any

import dramatiq

from tasks.actors.analyse import analyse
from tasks.actors.boot import Boot
from tasks.actors.bulk import run_bulk
from tasks.actors.encode import encode_audio, encode_chunk
from tasks.actors.heartbeat import Heartbeat
from tasks.actors.master import upload_master
from tasks.actors.merge import merge
from tasks.actors.perform import perform
from tasks.actors.poster import make_poster
from tasks.actors.split import split
from tasks.actors.subtitle import extract_subtitles, upload_subtitle
from tasks.actors.upload import upload_hls
from tasks.models import Step, TrainingModule, UploadJob
from tasks.models.bulk_operation import BulkOperation
from tasks.queue import broker as queue

broker = queue.get_broker()
broker.add_middleware(Boot())

_STEPS: dict[str, Callable[[Step, Heartbeat], Mapping[str, Any]]] = {
    queue.SPLIT: split,
    queue.MERGE: merge,
    queue.AUDIO: encode_audio,
    queue.FIRST_CHUNKS: encode_chunk,
    queue.CHUNKS: encode_chunk,
    queue.SUBTITLES: extract_subtitles,
    queue.POSTER: make_poster,
}
_UPLOADS: dict[str, Callable[[UploadJob, Heartbeat], Mapping[str, Any]]] = {
    queue.UPLOAD_MASTER: upload_master,
    queue.UPLOAD_HLS: upload_hls,
    queue.UPLOAD_SUBTITLE: upload_subtitle,
}


def _declare(queue_name: str, do: Callable[[str, str], None]) -> None:
    dramatiq.actor(
        actor_name=queue.ACTORS[queue_name],
        queue_name=queue_name,
        priority=list(queue.ACTORS).index(queue_name),
        # A row says when its work is tried no more; a message only says that it may be tried.
        max_retries=None,
        broker=broker,
    )(do)


def _step_actor(queue_name: str) -> Callable[[str, str], None]:
    def do(job_id: str, message_id: str) -> None:
        perform(Step, queue_name, job_id, message_id, _STEPS[queue_name])

    return do


def _upload_actor(queue_name: str) -> Callable[[str, str], None]:
    def do(job_id: str, message_id: str) -> None:
        perform(UploadJob, queue_name, job_id, message_id, _UPLOADS[queue_name])

    return do


def _run_bulk(job_id: str, message_id: str) -> None:
    perform(BulkOperation, queue.BULK, job_id, message_id, run_bulk)


def _process_video(job_id: str, message_id: str) -> None:
    perform(TrainingModule, queue.ANALYSE, job_id, message_id, analyse)


_declare(queue.BULK, _run_bulk)
_declare(queue.ANALYSE, _process_video)
for _name in _STEPS:
    _declare(_name, _step_actor(_name))
for _name in _UPLOADS:
    _declare(_name, _upload_actor(_name))
