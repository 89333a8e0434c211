"""When the packets of a file's streams are shown, read line by line as ffprobe lists them.

A long source has millions of packets, and a hostile one hundreds of millions: what is kept of one
is 18 bytes, and there is a limit to how many.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from tasks.errors import BadInput

#: What ffprobe is asked to list of each packet, as CSV.
ENTRIES = "packet=stream_index,pts,dts,duration,flags"
#: 24 hours at 115 pictures a second.
MOST_PACKETS = 10_000_000
#: A time that is not known. ffmpeg's own value for it.
NO_TIME = -(2**63)
#: Flags of a packet.
KEY, HIDDEN = 1, 2
#: Bytes of a line: a handful of numbers is far shorter.
_LONGEST_LINE = 4096


@dataclass
class Track:
    """The packets of one stream, in file order. Times in ticks of `time_base` seconds.

    Hidden packets are those that an edit list leaves out. Some containers have no presentation
    times (AVI), or not for every packet (MPEG-PS): these are NO_TIME.
    """

    time_base: Fraction
    presented: "array[int]" = field(default_factory=lambda: array("q"))
    decoded: "array[int]" = field(default_factory=lambda: array("q"))
    flags: bytearray = field(default_factory=bytearray)
    lasts: int = 0  # sum of all durations
    last_duration: int = 0  # of the packet shown last; 0 where unknown
    _latest: int = NO_TIME

    @property
    def read(self) -> int:
        """All packets, also the hidden ones."""
        return len(self.flags)

    @property
    def lacks_times(self) -> bool:
        """Whether presentation times are missing for packets that are shown."""
        return any(
            at == NO_TIME and not flag & HIDDEN
            for at, flag in zip(self.presented, self.flags, strict=True)
        )

    def add(self, presented: int, decoded: int, duration: int, flags: int) -> None:
        """Take the next packet."""
        self.presented.append(presented)
        self.decoded.append(decoded)
        self.flags.append(flags)
        if flags & HIDDEN:
            return
        self.lasts += duration
        at = decoded if presented == NO_TIME else presented
        if at != NO_TIME and at >= self._latest:
            self._latest, self.last_duration = at, duration

    def ticks(self, first_shown: int | None = None) -> "array[int]":
        """When the packets that are not hidden are shown, in file order.

        Where presentation times are missing, decoding times serve: as many, in the same steps,
        only in another order. By how much they are early only the decoder knows: `first_shown` is
        the time of the first picture out of it.
        """
        shown = self._known(self.presented)
        steps = self._known(self.decoded)
        if len(steps) <= len(shown):
            return shown
        earliest = min(steps)
        start = min(shown, default=earliest) if first_shown is None else first_shown
        return array("q", (tick + start - earliest for tick in steps))

    def key_times(self) -> list[float]:
        """When the key packets that are not hidden are shown, in seconds, in order."""
        times = (
            decoded if presented == NO_TIME else presented
            for presented, decoded, flag in zip(
                self.presented, self.decoded, self.flags, strict=True
            )
            if flag == KEY
        )
        return [float(at * self.time_base) for at in sorted(set(times)) if at != NO_TIME]

    @property
    def begins(self) -> float:
        """Seconds at which the first packet is shown; 0 where there is none."""
        return float(min(self.ticks(), default=0) * self.time_base)

    @property
    def ends(self) -> float:
        """Seconds at which the last packet has been shown; 0 where there is none."""
        return float((max(self.ticks(), default=0) + self.last_duration) * self.time_base)

    @property
    def seconds(self) -> float:
        """From the first packet's beginning to the last one's end."""
        return self.ends - self.begins

    def _known(self, times: Sequence[int]) -> "array[int]":
        return array(
            "q",
            (
                at
                for at, flag in zip(times, self.flags, strict=True)
                if at != NO_TIME and not flag & HIDDEN
            ),
        )


class PacketReader:
    """Takes ffprobe's CSV lines "stream,pts,dts,duration,flags" as they come; a time may be N/A.

    `tracks` are those read, by the index of their stream; `order` has the stream of each packet
    read, in file order.
    """

    def __init__(self, streams: Iterable[tuple[int, Fraction]], most: int = MOST_PACKETS) -> None:
        self.tracks = {index: Track(time_base) for index, time_base in streams}
        self.order = array("H")
        self._most = most
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes. Raises BadInput where a stream has more packets than are allowed."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line)
        longest = max((track.read for track in self.tracks.values()), default=0)
        if longest > self._most or len(self._rest) > _LONGEST_LINE:
            raise BadInput(
                f"The file has more than {self._most:,} pictures or pieces of sound, which is"
                " more than is allowed."
            )

    def finish(self) -> None:
        """Take what is left after the end."""
        self._take(self._rest)
        self._rest = b""

    def _take(self, line: bytes) -> None:
        index, presented, decoded, duration, flags, *_ = (line + b",,,,").split(b",")
        track = self.tracks.get(int(index)) if index.isdigit() else None
        if track is None or not flags:
            return  # of another stream, or the empty line some versions end with
        track.add(
            _time(presented),
            _time(decoded),
            int(duration) if duration.isdigit() else 0,
            (KEY if b"K" in flags else 0) | (HIDDEN if b"D" in flags else 0),
        )
        self.order.append(int(index))


def _time(text: bytes) -> int:
    return int(text) if text.lstrip(b"-").isdigit() else NO_TIME
