"""Lets a stream be watched while it is made: segments are published as soon as those before them.

Each rendition has a playlist that grows (`growing.m3u8`), and so has the stream a master over them.
They lie in the stream's own folder beside what it is complete with, and name the same segments.
Nobody else writes there until all chunks are made.
"""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import accumulate
from typing import Any

import redis

from tasks import keys
from tasks.feed import events
from tasks.infra.lock import Lock
from tasks.infra.storage import get_storage
from tasks.media.plan import GROWING, Plan, growing_name
from tasks.media.playlists import growing_master, rendition_playlist
from tasks.media.segments import RenditionOutput, Segment
from tasks.models import Phase, Status, Step, StepKind, Stream, StreamState, TranscodeJob
from tasks.models.stored import collection
from tasks.streams.building import of_job

log = logging.getLogger(__name__)

#: Files copied at the same time.
PARALLEL = 8
#: Seconds until the lock of somebody who was killed is free, and for which others wait for it.
LOCK_SECONDS = 20.0
WAIT_SECONDS = 10.0
LOOK_SECONDS = 0.1

#: Afterwards the stream's uploads write its playlists.
_PHASES = (Phase.transcoding, Phase.merging)
#: Seconds by which the sound is published ahead of the pictures: it is made much faster.
SOUND_AHEAD = 30.0

_READ = {
    "kind": 1,
    "index": 1,
    "status": 1,
    "part.prefix": 1,
    "part.renditions": 1,
    "result.prefix": 1,
    "result.renditions": 1,
}


def grow(job_id: str) -> float | None:
    """Publishes what is made by now of a job's stream, from its beginning up to the first gap.

    Seconds that can be played, or None where nothing new was published. Raises StorageFailed,
    PyMongoError, redis.RedisError.
    """
    with _alone(job_id) as alone:
        # Whoever else is at it publishes this too, or what comes next does.
        return _grow(job_id) if alone else None


def stop_growing(job: TranscodeJob) -> None:
    """From now on only the uploads of a job write the playlists of its stream, and whoever was
    still at it has ended. Where Redis is away, nobody is at it. Raises PyMongoError."""
    row = Stream.objects(stream_id=of_job(job).stream_id)
    try:
        with _alone(job.job_id):
            row.update_one(set__growth_ended=True)
    except redis.RedisError as error:
        log.info("the growth of %s is ended without its lock: %s", job.job_id, error)
        row.update_one(set__growth_ended=True)


@contextmanager
def _alone(job_id: str) -> Iterator[bool]:
    """Lets one at a time write a growing stream; false where another one takes too long."""
    lock = Lock(f"dailies:grow:{job_id}", LOCK_SECONDS)
    until = time.monotonic() + WAIT_SECONDS
    held = lock.hold()
    while not held and time.monotonic() < until:
        threading.Event().wait(LOOK_SECONDS)
        held = lock.hold()
    try:
        yield held
    finally:
        if held:
            lock.release()


def _grow(job_id: str) -> float | None:
    job = TranscodeJob.objects(job_id=job_id).first()
    if job is None or job.finished or job.phase not in _PHASES:
        return None
    stream = of_job(job)
    if stream.growth_ended:
        return None
    plan = Plan.model_validate(job.plan)
    made = _made(job_id, plan)
    before: dict[str, int] = dict(stream.grown or {})
    more = [m for m in made if len(m.output.segments) > before.get(m.output.name, 0)]
    if not more:
        return None
    _copy(stream, more, before)
    for rendition in more:
        text = rendition_playlist(rendition.output, longest=plan.longest_segment)
        _put(stream, growing_name(rendition.output.name), text)
    wanted = len(plan.rungs) + len(plan.sounds)
    begun = [m.output for m in made if m.output.segments]
    ready = min(output.duration for output in begun) if len(begun) == wanted else 0.0
    if ready and not stream.playable_until:
        _put(stream, GROWING, growing_master(plan, begun))
    grown = {output.name: len(output.segments) for output in begun}
    return _note(stream, plan, grown, ready)


class _Made:
    """A rendition from the beginning up to the first gap; ``keys`` of each segment's file, and of
    the init segment's, in the work area."""

    def __init__(self, output: RenditionOutput, places: dict[str, str]) -> None:
        self.output = output
        self.places = places


def _made(job_id: str, plan: Plan) -> list[_Made]:
    rows = collection(Step).find({"transcode_id": job_id}, _READ).sort("index")
    chunks: list[dict[str, Any]] = []
    sound: list[dict[str, Any]] = []
    for row in rows:
        if row["kind"] == StepKind.CHUNK:
            chunks.append(row)
        elif row["kind"] == StepKind.AUDIO:
            sound.append(row)
    made = [_along([(row, rung.name) for row in chunks], plan) for rung in plan.rungs]
    # All qualities reach equally far, so that players may go from one to the other.
    shortest = min((len(m.output.segments) for m in made), default=0)
    for rendition in made:
        rendition.output = _with(rendition.output, rendition.output.segments[:shortest])
    pictures = made[0].output.duration if made else None
    for track in plan.sounds:
        audio = _along([(row, track.name) for row in sound], plan)
        if pictures is not None:
            upto = pictures + SOUND_AHEAD
            audio.output = _with(audio.output, _before(audio.output.segments, upto))
        made.append(audio)
    return made


def _before(segments: Sequence[Segment], seconds: float) -> tuple[Segment, ...]:
    """The segments that begin before a time."""
    begins = accumulate((segment.duration for segment in segments), initial=0.0)
    pairs = zip(segments, begins, strict=False)
    return tuple(segment for segment, begin in pairs if begin < seconds)


def _along(rows: Sequence[tuple[dict[str, Any], str]], plan: Plan) -> _Made:
    """One rendition along its steps."""
    segments: list[Segment] = []
    places: dict[str, str] = {}
    first: RenditionOutput | None = None
    for row, name in rows:
        done = row["status"] == Status.completed
        found = row.get("result") if done else (row.get("part") or row.get("result"))
        outputs = [o for o in (found or {}).get("renditions", ()) if o["name"] == name]
        if not found or not outputs:
            break
        output = RenditionOutput.model_validate(outputs[0])
        first = first or output
        if output.init_sha256 != first.init_sha256:
            break
        places.setdefault(output.init_name, found["prefix"] + output.init_name)
        places |= {segment.name: found["prefix"] + segment.name for segment in output.segments}
        segments += output.segments
        if row["kind"] == StepKind.CHUNK and not _covers(plan, row["index"], output):
            break
    if first is None:
        name = rows[0][1] if rows else ""
        first = RenditionOutput(
            name=name, codecs="", init_name="", init_sha256="", frames=0, duration=0, segments=()
        )
    return _Made(_with(first, tuple(segments)), places)


def _covers(plan: Plan, index: int, output: RenditionOutput) -> bool:
    return len(output.segments) >= plan.chunks[index].segments


def _with(output: RenditionOutput, segments: tuple[Segment, ...]) -> RenditionOutput:
    duration = sum(segment.duration for segment in segments)
    frames = sum(segment.frames for segment in segments)
    return output.model_copy(update={"segments": segments, "duration": duration, "frames": frames})


def _copy(stream: Stream, made: Sequence[_Made], before: dict[str, int]) -> None:
    storage = get_storage()
    names: list[tuple[str, str]] = []
    for rendition in made:
        output = rendition.output
        count = before.get(output.name, 0)
        fresh = [segment.name for segment in output.segments[count:]]
        if fresh and not count:
            fresh.insert(0, output.init_name)
        names += [(rendition.places[name], name) for name in fresh]

    def copy(entry: tuple[str, str]) -> None:
        source, name = entry
        key = keys.stream(stream.media_id, stream.folder, name)
        storage.copy(source, key, keys.content_type(name))

    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(copy, names))


def _put(stream: Stream, name: str, text: str) -> None:
    key = keys.stream(stream.media_id, stream.folder, name)
    get_storage().put_bytes(key, text.encode(), keys.content_type(name))


def _note(stream: Stream, plan: Plan, grown: dict[str, int], ready: float) -> float | None:
    """Writes how far the stream has come into its row, and tells who listens."""
    fields: dict[str, Any] = {"set__grown": grown}
    if ready:
        fields["set__playable_until"] = ready
    building = Stream.objects(
        stream_id=stream.stream_id, state=StreamState.building.value, complete_at=None
    )
    if not building.update_one(**fields) or not ready or ready == stream.playable_until:
        return None
    events.publish(
        "streamPlayable",
        mediaId=stream.media_id,
        transcodeId=stream.job_id,
        streamId=stream.stream_id,
        until=round(ready, 3),
        duration=plan.duration,
        complete=False,
    )
    return ready


def growing_of(media_id: str) -> Stream | None:
    """The newest stream of a media that can be watched while it is made."""
    rows = Stream.objects(media_id=media_id, state=StreamState.building.value, playable_until__gt=0)
    newest: Stream | None = rows.order_by("-asked_at").first()
    if newest is None:
        return None
    # What a job left that is over does not grow, and may be removed at any time.
    job = TranscodeJob.objects(job_id=newest.job_id).only("status").first()
    return newest if job is not None and not job.finished else None
