"""The plan of a job: everything that later steps must agree on, decided once from the source.

All counting is in frames at one exact rate, never in seconds: that is what makes chunks fit
together. A chunk is a whole number of segments, a segment a whole number of GOPs.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from tasks.media.filters import thumbnail_size
from tasks.media.ladder import Rung, build_ladder
from tasks.media.source import Rate, SourceInfo, Value, VideoInfo
from tasks.media.timeline import read_from
from tasks.media.timing import output_rate
from tasks.media.tracks import AudioPlan, audio_plans

GOP_SECONDS = 2
GOPS_A_SEGMENT = 3
#: A rest of fewer pictures joins the segment before it: players wait for ever for the end of a
#: segment whose few pictures are all within the delay of its B-frames.
SHORTEST_REST = 4
REST_SHARE = 12  # a rest is short below this part of a segment (half a second), too
AUDIO_SEGMENT_SECONDS = 6.0
#: The first chunks of a film, which are sent before all others: a viewer waits for them.
FIRST_CHUNKS = 3
# A film must not become thousands of thumbnails, nor a clip only three.
THUMBNAILS_WANTED = 100
LONGEST_THUMBNAIL_SECONDS = 10

MASTER = "master.m3u8"
PLAYLIST = "playlist.m3u8"
#: Of playlists that grow while their stream is made: each rendition's, and the master over them.
GROWING = "growing.m3u8"
IFRAMES = "iframes.m3u8"
INIT = "init.mp4"
SEGMENT_PATTERN = "seg_%05d.m4s"
THUMBNAIL_FOLDER = "thumbs"
THUMBNAIL_PATTERN = "thumb_%05d.jpg"
POSTER = "poster.jpg"
STORYBOARD = "storyboard.vtt"
SPRITE_PATTERN = "storyboard_%03d.jpg"


class Chunk(Value):
    """A stretch of the source that one worker encodes; frames and segments count from 0."""

    index: int
    first_frame: int
    frames: int
    first_segment: int
    segments: int
    # Seconds on the source's own clock from which to decode; None: from its beginning.
    read_from: float | None = None


class Plan(Value):
    """What is made of a source. Without video there are no rungs and no chunks."""

    kind: Literal["video", "audio"]
    duration: float  # seconds, exactly frames / rate where there is video
    rate: Rate
    frames: int
    gop: int  # frames
    segment_frames: int
    chunks: tuple[Chunk, ...]
    rungs: tuple[Rung, ...]
    audio: AudioPlan | None  # the sound track that plays by itself
    other_audio: tuple[AudioPlan, ...] = ()
    thumbnail_frames: int  # frames from one thumbnail to the next
    thumbnail_width: int
    thumbnail_height: int
    held_frames: int = 0  # of `frames`, at the end: repeats of the source's last picture

    @property
    def sounds(self) -> tuple[AudioPlan, ...]:
        """All sound tracks."""
        return () if self.audio is None else (self.audio, *self.other_audio)

    @property
    def segment_seconds(self) -> float:
        """Length of a full video segment, and about that of an audio segment."""
        if self.kind == "audio":
            return AUDIO_SEGMENT_SECONDS
        return float(self.segment_frames / self.rate.fraction)

    @property
    def longest_segment(self) -> float:
        """Seconds of the longest segment of all, video or audio."""
        frames = [
            self.segment_length(chunk, chunk.first_segment + chunk.segments - 1)
            for chunk in self.chunks
        ]
        return max([self.segment_seconds, *(float(n / self.rate.fraction) for n in frames)])

    def thumbnails_before(self, frame: int) -> int:
        """How many thumbnails there are of the frames before this one."""
        return -(-frame // self.thumbnail_frames)

    @property
    def thumbnails(self) -> int:
        """How many thumbnails there are in all."""
        return self.thumbnails_before(self.frames)

    def segment_length(self, chunk: Chunk, number: int) -> int:
        """Frames of one segment of a chunk; segments are numbered through the whole film."""
        before = (number - chunk.first_segment) * self.segment_frames
        is_last = number == chunk.first_segment + chunk.segments - 1
        return chunk.frames - before if is_last else self.segment_frames

    def rest_of(self, chunk: Chunk, segments: int) -> Chunk | None:
        """A chunk without its first segments; None where nothing is left of it."""
        done = segments * self.segment_frames
        if segments >= chunk.segments:
            return None
        return Chunk(
            index=chunk.index,
            first_frame=chunk.first_frame + done,
            frames=chunk.frames - done,
            first_segment=chunk.first_segment + segments,
            segments=chunk.segments - segments,
        )

    def is_last(self, chunk: Chunk) -> bool:
        return chunk.index == len(self.chunks) - 1


def make_plan(
    info: SourceInfo,
    *,
    points: Sequence[float] = (),
    target_chunk_seconds: float | None = None,
) -> Plan:
    """Plan the work on a source. Without a target, chunks are 24 s in clips, 60 s in films.

    `points` are times of pictures that decode alone, in seconds on the source's own clock; without
    any, all chunks are decoded from the beginning.
    """
    audio, *others = audio_plans(info.audio, info.format_name) or (None,)
    other_audio = tuple(track for track in others if track is not None)
    if info.video is None:
        return Plan(
            kind="audio",
            duration=info.duration,
            rate=Rate(num=1),
            frames=0,
            gop=0,
            segment_frames=0,
            chunks=(),
            rungs=(),
            audio=audio,
            other_audio=other_audio,
            thumbnail_frames=1,
            thumbnail_width=0,
            thumbnail_height=0,
        )
    rate = output_rate(info.video.rate)
    if info.video.is_vfr or rate != info.video.rate:
        frames = max(1, round(Fraction(info.video.duration) * rate.fraction))
    else:
        frames = info.video.frame_count
    held_frames = round(Fraction(info.video.held) * rate.fraction)
    frames += held_frames
    gop = max(1, round(GOP_SECONDS * rate.fraction))
    segment_frames = gop * GOPS_A_SEGMENT
    duration = float(frames / rate.fraction)
    thumbnail_width, thumbnail_height = thumbnail_size(info.video)
    target = target_chunk_seconds or default_chunk_seconds(duration)
    return Plan(
        kind="video",
        duration=duration,
        rate=rate,
        frames=frames,
        gop=gop,
        segment_frames=segment_frames,
        chunks=_read_from(
            cut(frames, segment_frames, target * float(rate)), info.video, rate, points
        ),
        rungs=build_ladder(info),
        audio=audio,
        other_audio=other_audio,
        thumbnail_frames=_thumbnail_frames(duration, rate),
        thumbnail_width=thumbnail_width,
        thumbnail_height=thumbnail_height,
        held_frames=held_frames,
    )


def _read_from(
    chunks: Sequence[Chunk], video: VideoInfo, rate: Rate, points: Sequence[float]
) -> tuple[Chunk, ...]:
    ends = video.start_time + video.duration
    begins = [
        min(video.start_time + chunk.first_frame / float(rate), ends) - 0.5 / float(rate)
        for chunk in chunks
    ]
    return tuple(
        chunk.model_copy(update={"read_from": read_from(points, at)})
        for chunk, at in zip(chunks, begins, strict=True)
    )


def default_chunk_seconds(duration: float) -> float:
    """The length that chunks grow to: short ones let a clip use several workers, long ones cost a
    film fewer starts."""
    return min(60.0, max(24.0, duration / 20))


def cut(frames: int, segment_frames: int, target_frames: float) -> tuple[Chunk, ...]:
    """Cut into chunks that begin with one segment and grow to about `target_frames`.

    1, 1, 2, 4, 8 segments and so on: the beginning can be watched soon, and each start of an
    encoder costs little of what it encodes. The chunks after that differ by at most one segment:
    the last is never tiny, and workers end together.
    """
    segments = segments_in(frames, segment_frames)
    chunks: list[Chunk] = []
    first = 0
    for index, length in enumerate(_lengths(segments, target_frames / segment_frames)):
        start = first * segment_frames
        is_last = first + length == segments
        chunks.append(
            Chunk(
                index=index,
                first_frame=start,
                frames=frames - start if is_last else length * segment_frames,
                first_segment=first,
                segments=length,
            )
        )
        first += length
    return tuple(chunks)


def segments_in(frames: int, segment_frames: int) -> int:
    """How many segments so many frames become; the last one may be shorter or a little longer."""
    whole, rest = divmod(frames, segment_frames)
    joins = rest < max(SHORTEST_REST, segment_frames // REST_SHARE)
    return max(1, whole if joins else whole + 1)


def _lengths(segments: int, target: float) -> list[int]:
    """Segments of each chunk."""
    lengths: list[int] = []
    left, length = segments, 1
    while length < target and left >= 2 * length:
        lengths.append(length)
        left -= length
        length = max(1, sum(lengths))
    if left:
        count = max(1, min(left, round(left / target)))
        base, longer = divmod(left, count)
        # The longer ones come last: the last segment of all is seldom full.
        lengths += [base + (number >= count - longer) for number in range(count)]
    return lengths


def init_name(rendition: str) -> str:
    """Name of a rendition's init segment, relative to the folder of the stream."""
    return f"{rendition}/{INIT}"


def segment_name(rendition: str, number: int) -> str:
    """Name of one segment: "720p/seg_00012.m4s"."""
    return f"{rendition}/{SEGMENT_PATTERN % number}"


def playlist_name(rendition: str) -> str:
    """Name of a rendition's playlist."""
    return f"{rendition}/{PLAYLIST}"


def growing_name(rendition: str) -> str:
    """Name of a rendition's playlist that grows while the stream is made."""
    return f"{rendition}/{GROWING}"


def iframes_name(rendition: str) -> str:
    """Name of a rendition's I-frame playlist."""
    return f"{rendition}/{IFRAMES}"


def _thumbnail_frames(duration: float, rate: Rate) -> int:
    seconds = min(LONGEST_THUMBNAIL_SECONDS, max(1.0, duration / THUMBNAILS_WANTED))
    return max(1, round(seconds * float(rate)))
