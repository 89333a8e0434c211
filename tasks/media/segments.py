"""Reads back what the encoder wrote, and holds it against the plan."""

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from tasks.errors import BadInput, EncoderFailed
from tasks.media.boxes import Fragment, Init, read_fragment, read_init
from tasks.media.commands import AAC_FRAME_SAMPLES, CLOCK_OFFSET_SECONDS
from tasks.media.loudness import Loudness
from tasks.media.plan import (
    SEGMENT_PATTERN,
    THUMBNAIL_FOLDER,
    THUMBNAIL_PATTERN,
    Chunk,
    Plan,
    init_name,
    segment_name,
)
from tasks.media.source import Value, clock
from tasks.media.tracks import AUDIO_SAMPLE_RATE, AudioPlan

# Containers may claim a few frames more than can be decoded: the film then just ends earlier.
TOLERATED_MISSING_SECONDS = 0.5


class IFrame(Value):
    """A picture that decodes alone: the bytes of its segment that hold it, and how long it stands
    for the film in an I-frame playlist, in seconds."""

    offset: int
    length: int
    duration: float


class Segment(Value):
    """One media segment. `name` is relative to the stream's folder: "720p/seg_00012.m4s"."""

    name: str
    duration: float  # seconds
    size: int  # bytes
    frames: int  # pictures, or AAC frames
    iframes: tuple[IFrame, ...]


class RenditionOutput(Value):
    """What one rendition got from one chunk (or, for audio, from the whole source)."""

    name: str  # "720p", "audio"
    codecs: str  # RFC 6381
    init_name: str
    init_sha256: str
    frames: int
    duration: float
    segments: tuple[Segment, ...]
    loudness: Loudness | None = None  # of sound


class UnsteadyAudio(EncoderFailed):
    """The sound was encoded, but not as one unbroken run: its source changes on the way."""


class ChunkOutput(Value):
    """What a chunk came to. `frames` may be fewer than planned at the very end of the source."""

    index: int
    frames: int
    held: int = 0  # of the frames: repeats of the last picture where the source ended early
    renditions: tuple[RenditionOutput, ...]
    thumbnails: tuple[str, ...]  # "thumbs/thumb_00012.jpg"


def read_outputs(out_dir: Path, plan: Plan, chunk: Chunk) -> ChunkOutput:
    """Read what `chunk_command` wrote.

    Raises EncoderFailed where it is not what was planned, BadInput where the source gave out.
    """
    renditions = tuple(_rendition(out_dir, rung.name, plan, chunk) for rung in plan.rungs)
    counts = {rendition.frames for rendition in renditions}
    if len(counts) != 1:
        raise EncoderFailed(f"The renditions differ in their frame counts: {sorted(counts)}.")
    frames = counts.pop()
    _check_count(plan, chunk, frames)
    thumbnails = thumbnails_of(plan, chunk, frames)
    for name in thumbnails:
        if not (out_dir / name).is_file():
            raise EncoderFailed(f"The encoder left out the thumbnail {name}.")
    return ChunkOutput(
        index=chunk.index, frames=frames, renditions=renditions, thumbnails=thumbnails
    )


def thumbnails_of(plan: Plan, chunk: Chunk, frames: int) -> tuple[str, ...]:
    """Names of the thumbnails among the first ``frames`` of a chunk."""
    first = plan.thumbnails_before(chunk.first_frame)
    wanted = range(first, plan.thumbnails_before(chunk.first_frame + frames))
    return tuple(f"{THUMBNAIL_FOLDER}/{THUMBNAIL_PATTERN % number}" for number in wanted)


def read_audio(out_dir: Path, plan: Plan, audio: AudioPlan) -> RenditionOutput:
    """Read what `audio_command` wrote of one track.

    Raises EncoderFailed where it is not what was planned, UnsteadyAudio where
    `decoded_audio_command` can help.
    """
    reader = AudioReader(out_dir, audio)
    reader.read()
    output = reader.output()
    check_audio_length(plan, output)
    return output


def check_audio_length(plan: Plan, output: RenditionOutput) -> None:
    """Raises EncoderFailed where the audio is not as long as planned."""
    if abs(output.duration - plan.duration) > max(0.02, AAC_FRAME_SAMPLES / AUDIO_SAMPLE_RATE):
        raise EncoderFailed(
            f"The audio is {output.duration:.3f} seconds long, and {plan.duration:.3f} were"
            " planned."
        )


class SegmentReader(ABC):
    """Reads one rendition's segments in order, while they are written or afterwards.

    ``segments`` are those read so far. The encoder gives a segment its name when it is whole.
    """

    def __init__(self, out_dir: Path, name: str, first: int, count: int | None) -> None:
        self.out_dir, self.name = out_dir, name
        self.segments: list[Segment] = []
        self._first, self._count = first, count
        self._init: tuple[Init, str] | None = None

    def read(self) -> int:
        """Reads the segments that are there by now, and returns how many were read in all.

        Raises EncoderFailed where one is not as planned.
        """
        while self._count is None or len(self.segments) < self._count:
            name = segment_name(self.name, self._first + len(self.segments))
            if not (self.out_dir / name).is_file():
                break
            fragment, size = _read_segment(self.out_dir, name)
            if self._init is None:
                self._init = _read_init(self.out_dir, self.name)
            self.segments.append(self._segment(name, fragment, size, self._init[0]))
        return len(self.segments)

    def output(self, count: int | None = None) -> RenditionOutput:
        """The rendition as far as it was read, or the first ``count`` segments of it."""
        if self._init is None:
            self._init = _read_init(self.out_dir, self.name)
        init, digest = self._init
        segments = tuple(self.segments[:count])
        return RenditionOutput(
            name=self.name,
            codecs=init.codec,
            init_name=init_name(self.name),
            init_sha256=digest,
            frames=sum(segment.frames for segment in segments),
            duration=sum(segment.duration for segment in segments),
            segments=segments,
        )

    @abstractmethod
    def _segment(self, name: str, fragment: Fragment, size: int, init: Init) -> Segment:
        """Checks the next segment and says what is known of it. Raises EncoderFailed."""


class VideoReader(SegmentReader):
    """Reads one rung of a chunk."""

    def __init__(self, out_dir: Path, name: str, plan: Plan, chunk: Chunk) -> None:
        super().__init__(out_dir, name, chunk.first_segment, chunk.segments)
        self._plan, self._chunk = plan, chunk
        self._frames = 0

    def _segment(self, name: str, fragment: Fragment, size: int, init: Init) -> Segment:
        rate = self._plan.rate.fraction
        _check_place(name, fragment, init, self._chunk.first_frame + self._frames, rate)
        count = len(fragment.samples)
        number = self._chunk.first_segment + len(self.segments)
        planned = self._plan.segment_length(self._chunk, number)
        if count > planned:
            raise EncoderFailed(f"{name} has {count} frames, and {planned} were planned.")
        self._frames += count
        if count < planned:
            # Nothing is right after it: the source has ended here.
            self._count = len(self.segments) + 1
        seconds = float(count / rate)
        return Segment(
            name=name,
            duration=seconds,
            size=size,
            frames=count,
            iframes=_iframes(fragment, seconds),
        )


class AudioReader(SegmentReader):
    """Reads one sound track of a whole source."""

    def __init__(self, out_dir: Path, audio: AudioPlan) -> None:
        super().__init__(out_dir, audio.name, 0, None)
        self._audio = audio
        self._expected_time: int | None = None

    def _segment(self, name: str, fragment: Fragment, size: int, init: Init) -> Segment:
        time = fragment.samples[0].decode_time
        if self._expected_time is None:
            _check_audio_start(time, init, self._audio)
        elif time != self._expected_time:
            raise EncoderFailed(f"There is a gap or overlap in the audio before {name}.")
        _check_steady(name, fragment, init, self._audio)
        ticks = sum(sample.duration for sample in fragment.samples)
        self._expected_time = time + ticks
        return Segment(
            name=name,
            duration=ticks / init.timescale,
            size=size,
            frames=len(fragment.samples),
            iframes=(),
        )


def continued(
    kept: Sequence[RenditionOutput], made: Sequence[RenditionOutput], skip: int
) -> tuple[RenditionOutput, ...]:
    """Renditions of which the first segments were made by an earlier attempt.

    ``skip``: how many of the segments ``made`` now are among those ``kept``. Raises EncoderFailed
    where the two have other init segments, so that no player could go from one to the other.
    """
    before_by_name = {rendition.name: rendition for rendition in kept}
    whole = []
    for after in made:
        before = before_by_name.get(after.name)
        if before is None:
            whole.append(after)
            continue
        if before.init_sha256 != after.init_sha256:
            raise EncoderFailed(
                f"The encoder of this worker does not continue what another one began of"
                f" {after.name}: their init segments differ."
            )
        segments = (*before.segments, *after.segments[skip:])
        frames = sum(segment.frames for segment in segments)
        duration = sum(segment.duration for segment in segments)
        update = {"segments": segments, "frames": frames, "duration": duration}
        whole.append(after.model_copy(update=update))
    return tuple(whole)


def odd_chunks(outputs: Sequence[ChunkOutput], settled: tuple[str, ...] = ()) -> tuple[int, ...]:
    """Chunks whose init segments differ from the others', by index: encode these again.

    A stream has one init segment per rendition. Workers with different builds of ffmpeg may write
    different ones; what most chunks agree on stays, or ``settled`` (``inits_of`` a chunk) where
    somebody may be watching that already.
    """
    kinds = Counter(inits_of(output) for output in outputs)
    usual = settled or (max(kinds, key=lambda kind: kinds[kind]) if kinds else ())
    return tuple(output.index for output in outputs if inits_of(output) != usual)


def join(plan: Plan, outputs: Sequence[ChunkOutput]) -> tuple[RenditionOutput, ...]:
    """Each rendition over all chunks. Raises EncoderFailed where chunks do not fit together."""
    ordered = sorted(outputs, key=lambda output: output.index)
    if [output.index for output in ordered] != [chunk.index for chunk in plan.chunks]:
        raise EncoderFailed("A chunk is missing, or there twice.")
    if odd_chunks(ordered):
        raise EncoderFailed(f"The chunks {odd_chunks(ordered)} differ from the others.")
    joined = []
    for parts in zip(*(output.renditions for output in ordered), strict=True):
        joined.append(
            parts[0].model_copy(
                update={
                    "frames": sum(part.frames for part in parts),
                    "duration": sum(part.duration for part in parts),
                    "segments": tuple(s for part in parts for s in part.segments),
                }
            )
        )
    return tuple(joined)


def inits_of(output: ChunkOutput) -> tuple[str, ...]:
    """Digests of a chunk's init segments, in the order of its renditions."""
    return tuple(rendition.init_sha256 for rendition in output.renditions)


def _rendition(out_dir: Path, name: str, plan: Plan, chunk: Chunk) -> RenditionOutput:
    reader = VideoReader(out_dir, name, plan, chunk)
    reader.read()
    after = SEGMENT_PATTERN % (chunk.first_segment + len(reader.segments))
    if (out_dir / name / after).is_file() and len(reader.segments) < chunk.segments:
        raise EncoderFailed(f"The encoder cut {name} into segments elsewhere than planned.")
    return reader.output()


def _check_count(plan: Plan, chunk: Chunk, frames: int) -> None:
    missing = chunk.frames - frames
    tolerated = TOLERATED_MISSING_SECONDS * float(plan.rate) if plan.is_last(chunk) else 0
    if missing > tolerated:
        raise gave_out(plan, chunk, frames)


def gave_out(plan: Plan, chunk: Chunk, frames: int) -> BadInput:
    """The error of a source of which only so many frames of a chunk can be decoded."""
    at = (chunk.first_frame + frames) / float(plan.rate)
    return BadInput(f"The source is damaged or cut off: from {clock(at)} on it cannot be decoded.")


def _check_place(
    name: str, fragment: Fragment, init: Init, first_frame: int, rate: Fraction
) -> None:
    """The first picture is where its frame number says, and no picture is missing after it."""
    times = sorted(sample.present_time - init.edit_time for sample in fragment.samples)
    start = (CLOCK_OFFSET_SECONDS + first_frame / rate) * init.timescale
    step = init.timescale / rate
    for number, time in enumerate(times):
        if abs(time - (start + number * step)) > step / 4:
            raise EncoderFailed(f"Frame {first_frame + number} is not in its place in {name}.")


def _check_audio_start(time: int, init: Init, audio: AudioPlan) -> None:
    off = time / init.timescale - CLOCK_OFFSET_SECONDS
    if abs(off) > 0.02:
        raise EncoderFailed(f"The {audio.name} begins {off * 1000:.0f} ms beside the video.")


def _check_steady(name: str, fragment: Fragment, init: Init, audio: AudioPlan) -> None:
    # Whatever is too much is squeezed into frames of a tick or so. The last of all may be short.
    whole = AAC_FRAME_SAMPLES * init.timescale // audio.sample_rate
    if any(sample.duration != whole for sample in fragment.samples[:-1]):
        raise UnsteadyAudio(f"The sound in {name} is not one unbroken run.")


def _iframes(fragment: Fragment, duration: float) -> tuple[IFrame, ...]:
    """The segment's first picture: a player needs the box header before it to make use of it, so
    the other key frames of the segment cannot be fetched alone."""
    first = fragment.samples[0]
    if not first.is_sync:
        return ()
    end = first.offset + first.size
    return (
        IFrame(offset=fragment.moof_offset, length=end - fragment.moof_offset, duration=duration),
    )


def _read_init(out_dir: Path, rendition: str) -> tuple[Init, str]:
    name = init_name(rendition)
    try:
        data = (out_dir / name).read_bytes()
        return read_init(data), hashlib.sha256(data).hexdigest()
    except (FileNotFoundError, ValueError) as error:
        raise EncoderFailed(f"The encoder did not write {name} as it should: {error}") from error


def _read_segment(out_dir: Path, name: str) -> tuple[Fragment, int]:
    data = (out_dir / name).read_bytes()
    try:
        return read_fragment(data), len(data)
    except ValueError as error:
        raise EncoderFailed(f"The encoder did not write {name} as it should: {error}") from error
