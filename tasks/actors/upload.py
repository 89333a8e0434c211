"""Upload: a rendition to where players look for it.

An upload is a sync inside of the bucket: it copies what is missing or different, so a second try
costs only what is left.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tasks import keys, streams
from tasks.actors.heartbeat import Heartbeat
from tasks.actors.job_rows import job_of
from tasks.actors.upload_counter import UploadCounter
from tasks.errors import NotYet, Stopped, StorageFailed
from tasks.infra.storage import ObjectInfo, get_storage
from tasks.jobs import lifecycle
from tasks.jobs.outputs import rendition_files, rendition_prefix, steps_behind
from tasks.models import TranscodeJob, UploadJob
from tasks.settings import get_settings

#: Files copied at the same time.
PARALLEL = 8


def upload_hls(upload: UploadJob, beat: Heartbeat) -> dict[str, Any]:
    """Copies a rendition's files from the work area to the job's stream, the playlists last."""
    job = job_of(upload.transcode_id)
    streams.stop_growing(job)
    files = rendition_files(job, upload.rendition)
    target = rendition_prefix(streams.of_job(job), upload.rendition)
    return {**_sync(files, target, job, beat), "upload_path": target}


def _sync(
    files: Mapping[str, str], target: str, job: TranscodeJob, beat: Heartbeat
) -> dict[str, Any]:
    storage = get_storage()
    area = storage.list(keys.work(job.job_id))
    there = storage.list(target)
    missing = [source for source in files.values() if source not in area]
    if missing:
        make_again(job, missing)
    total = sum(area[source].size for source in files.values())
    tally = UploadCounter(beat, len(files), total)
    todo: list[tuple[str, str]] = []
    for name, source in files.items():
        if _same(there.get(target + name), area[source]):
            tally.add(name, area[source].size, moved=False)
        else:
            todo.append((name, source))

    def put(entry: tuple[str, str]) -> None:
        if beat.stop.is_set():
            raise Stopped("Stopped while uploading.")
        name, source = entry
        storage.copy(source, target + name, keys.content_type(name))
        tally.add(name, area[source].size, moved=True)

    segments = [entry for entry in todo if not entry[0].endswith(".m3u8")]
    playlists = [entry for entry in todo if entry[0].endswith(".m3u8")]
    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(put, segments))
    for entry in playlists:
        put(entry)
    return tally.fields()


def make_again(job: TranscodeJob, missing: Sequence[str]) -> None:
    """Sends steps back whose files left the work area. Raises NotYet, StorageFailed."""
    steps = steps_behind(job, missing)
    if any(step.attempt >= get_settings().max_attempts for step in steps):
        raise StorageFailed(f"{missing[0]} vanishes from the work area again and again.")
    for step in steps:
        lifecycle.redo(step, "Its files are not in the work area any more.")
    raise NotYet(f"{len(missing)} files are gone from the work area and are made again.")


def _same(there: ObjectInfo | None, wanted: ObjectInfo) -> bool:
    return there is not None and there.size == wanted.size and there.etag == wanted.etag
