"""When the packets of a stream are shown, read line by line as ffprobe lists them.

A long source has millions of packets, and a hostile one hundreds of millions: what is kept of one
is 16 bytes, and there is a limit to how many.
"""

import math
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.errors import BadInput

#: What ffprobe is asked to list of each packet, as CSV.
ENTRIES = "packet=pts,dts,duration,flags"
#: 24 hours at 115 pictures a second.
MOST_PACKETS = 10_000_000
#: Bytes of a line: four numbers are far shorter.
_LONGEST_LINE = 4096


@dataclass(frozen=True)
class Packets:
    """When the packets of one stream are shown, in ticks of its time base."""

    ticks: Sequence[int]  # of packets that are shown, in file order
    read: int  # all packets, also those that an edit list hides
    last_duration: int  # of the packet shown last; 0 where unknown


class PacketReader:
    """Takes ffprobe's CSV lines "pts,dts,duration,flags" as they come; a time may be N/A.

    Some containers have no presentation times (AVI), or not for every frame (MPEG-PS). Then
    decoding times serve: as many frames, in the same steps, only in another order.
    """

    def __init__(self, most: int = MOST_PACKETS) -> None:
        self.lacks_times = False
        self._most = most
        self._rest = b""
        self._shown, self._decoded = array("q"), array("q")
        self._read = 0
        self._latest, self._last_duration = -math.inf, 0

    def feed(self, data: bytes) -> None:
        """Takes the next bytes. Raises BadInput where there are more packets than are allowed."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line)
        if self._read > self._most or len(self._rest) > _LONGEST_LINE:
            raise BadInput(
                f"The file has more than {self._most:,} pictures or pieces of sound, which is"
                " more than is allowed."
            )

    def packets(self, decoded: str = "") -> Packets:
        """All that was read, after the end.

        By how much decoding times are early, only the decoder knows: `decoded` lists the times of
        the first frames out of it.
        """
        self._take(self._rest)
        self._rest = b""
        ticks = self._shown
        if len(self._decoded) > len(self._shown):
            first = re.search(r"^-?\d+", decoded, re.MULTILINE)
            earliest = min(self._decoded)
            start = int(first[0]) if first else min(self._shown, default=earliest)
            ticks = array("q", (tick + start - earliest for tick in self._decoded))
        return Packets(ticks=ticks, read=self._read, last_duration=self._last_duration)

    def _take(self, line: bytes) -> None:
        shown_at, decoded_at, duration, flags, *_ = (line + b",,,").split(b",")
        if not flags:
            return  # the empty line some versions end with
        self._read += 1
        self.lacks_times = self.lacks_times or shown_at == b"N/A"
        if b"D" in flags:
            return  # an edit list hides the packet
        if decoded_at != b"N/A":
            self._decoded.append(int(decoded_at))
        if shown_at != b"N/A":
            tick = int(shown_at)
            self._shown.append(tick)
            if tick > self._latest:
                self._latest = tick
                self._last_duration = int(duration) if duration.isdigit() else 0
