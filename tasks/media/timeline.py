"""When the pictures of a video are shown, and from where they can be decoded.

Packets tell it of most sources, at the cost of reading the file once. Of the others they do not:
some hold no picture (VP8's hidden frames), or half of one (fields coded apart), or stand for the
picture before (Theora); and what a container calls a key frame need not be one. There every picture
is decoded once, and what the decoder says counts.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tasks.media.packets import Track
from tasks.media.timing import Timing, measure

#: Pictures that are decoded of each source.
SAMPLE_FRAMES = 25
#: The tick of decoded pictures' times, in seconds.
MICROSECOND = Fraction(1, 1_000_000)
# Codecs of which a packet is a picture, in containers that give each packet a time of its own.
_ONE_PICTURE = {
    *("h264", "hevc", "av1", "prores", "dnxhd", "mjpeg", "ffv1", "cfhd", "jpeg2000", "qtrle"),
    *("rawvideo", "v210", "utvideo", "huffyuv", "ffvhuff", "magicyuv", "png", "hap"),
}
_TIMED = {"mov", "matroska"}
# Its empty packets stand for the picture before.
_NEVER_PLAIN = {"theora"}
# More packets than pictures by this factor are not pictures.
_MORE_PACKETS = 1.3
_SAME_RATE = 0.02
# AVI's rates; beyond these its clock counts something else than pictures.
_LOWEST_SLOTS, _HIGHEST_SLOTS = 5, 240


@dataclass(frozen=True)
class Frames:
    """Pictures that came out of the decoder: times in microseconds, in order of the decoder."""

    ticks: Sequence[int]
    keys: Sequence[int]  # times of those that decode alone
    last_duration: int


class FrameReader:
    """Takes the framecrc lines "stream,dts,pts,duration,…" of `frames_command` as they come."""

    def __init__(self) -> None:
        self._rest = b""
        self._ticks, self._keys = array("q"), array("q")
        self._latest, self._last_duration = -(2**63), 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if not line.startswith(b"#") and line.count(b",") >= 3:
                self._take(line)

    def frames(self) -> Frames:
        """All that was read, after the end."""
        # A select filter lets the very first frame pass: an output without any is an error.
        return Frames(self._ticks, self._keys, self._last_duration)

    def _take(self, line: bytes) -> None:
        stream, _, shown_at, duration, *_ = line.split(b",")
        tick = int(shown_at)
        if int(stream):
            self._keys.append(tick)
            return
        self._ticks.append(tick)
        if tick >= self._latest:
            self._latest, self._last_duration = tick, int(duration)


@dataclass(frozen=True)
class Timeline:
    """When pictures are shown, in ticks, and from where decoding may begin, in seconds.

    `points` are the times of pictures that decode alone, in order; `exact` tells whether seeking
    can find them, or ends up a little after them.
    """

    ticks: Sequence[int]
    time_base: Fraction
    last_duration: int
    points: Sequence[float]
    exact: bool
    slots: Fraction | None = None  # the rate whose places the container numbers

    def timing(self, claimed: Sequence[Fraction]) -> Timing:
        """Rate, start and end. Raises ValueError where there is no picture."""
        return measure(self.ticks, self.last_duration, self.time_base, claimed, slots=self.slots)


def from_packets(track: Track, container: str, sample: Frames) -> Timeline:
    """As the packets tell it, from the first picture on that can be decoded, if any can."""
    if sample.ticks:
        first = min(sample.ticks) * MICROSECOND
        ticks = track.ticks(round(first / track.time_base))
        # Recordings that begin inside a GOP: what comes before the first key frame is lost.
        earliest = int(first / track.time_base) - _half_step(ticks)
    else:
        ticks = track.ticks()
        earliest = min(ticks, default=0)
    return Timeline(
        ticks=array("q", (tick for tick in ticks if tick >= earliest)),
        time_base=track.time_base,
        last_duration=track.last_duration,
        points=track.key_times(),
        exact=True,
        slots=_slots(track, container),
    )


def from_frames(track: Track, container: str, frames: Frames) -> Timeline:
    """As the decoder tells it."""
    keys = sorted(float(tick * MICROSECOND) for tick in frames.keys)
    flagged = track.key_times()
    return Timeline(
        ticks=frames.ticks,
        time_base=MICROSECOND,
        last_duration=frames.last_duration,
        points=keys,
        exact=len(flagged) <= len(keys) + 1,
        slots=_slots(track, container),
    )


def is_plain(
    track: Track,
    sample: Frames,
    packets: Timeline,
    *,
    codec: str,
    container: str,
    claimed: Sequence[Fraction],
) -> bool:
    """Whether the packets can be trusted with the number and times of pictures.

    `sample` are the first pictures out of the decoder, `claimed` the rates named by the container.
    """
    if codec in _NEVER_PLAIN or not packets.ticks:
        return False
    last = max(sample.ticks) * MICROSECOND
    seen = sum(tick * packets.time_base <= last for tick in packets.ticks[: 8 * SAMPLE_FRAMES])
    if seen > _MORE_PACKETS * len(sample.ticks) + 1:
        return False
    flagged = bisect_right(track.key_times(), float(last) + 0.001)
    if flagged > len(sample.keys) + 1:
        return False
    timing = packets.timing(claimed)
    if not timing.is_vfr:
        # Fields coded apart: twice as many packets as the container knows pictures.
        halves = (abs(float(rate * 2 / timing.rate.fraction) - 1) for rate in claimed if rate)
        return not any(off < _SAME_RATE for off in halves) or container in _TIMED
    return codec in _ONE_PICTURE and container in _TIMED and not track.lacks_times


def read_from(points: Sequence[float], at: float) -> float | None:
    """The point at which to begin decoding what is shown at `at` seconds; None: at the beginning.

    One point more than needed: pictures between a key frame and the next may refer to the GOP
    before (open GOPs), and a gradual refresh is whole only at the next point.
    """
    before = bisect_right(points, at) - 2
    return points[before] if before > 0 else None


def _slots(track: Track, container: str) -> Fraction | None:
    rate = 1 / track.time_base
    return rate if container == "avi" and _LOWEST_SLOTS <= rate <= _HIGHEST_SLOTS else None


def _half_step(ticks: Sequence[int]) -> int:
    ordered = sorted(ticks[:SAMPLE_FRAMES])
    middle = bisect_left(ordered, ordered[len(ordered) // 2]) if ordered else 0
    return (ordered[middle] - ordered[0]) // (2 * middle) if middle else 0
