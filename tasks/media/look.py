"""What decoded pictures say of themselves: size, colours, fields.

A container may say nothing of it, or something else. The same ffmpeg that encodes is asked, because
versions differ in what they do by themselves (cropping, alpha, cues inside of the picture).
"""

import re
from collections.abc import Sequence

from tasks.media.source import Value

#: Filters, with their options, that make ffmpeg's log say what `parse_look` reads.
LOOK_FILTERS: tuple[tuple[str, dict[str, int]], ...] = (("showinfo", {"checksum": 0}), ("idet", {}))

_FRAME = re.compile(r"\bn: *\d+ .*\bfmt:(\S+) .*\bsar:(\d+/\d+) s:(\d+)x(\d+) i:(.)")
_COLOURS = re.compile(r"color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)")
_SIDE_DATA = re.compile(r"side data - ([^:(]+)")
_FIELDS = re.compile(r"Multi frame detection: TFF: *(\d+) BFF: *(\d+) Progressive: *(\d+)")
_UNKNOWN = {"unknown", "reserved", "unspecified"}

# Combed pictures that must be seen, in one order of fields, before they are believed: the other
# order, and pictures that are not combed, must be so much rarer. Of film at 29.97 (2:3 pulldown in
# the pictures themselves) two in five are combed; moving test cards look combed in both orders.
_LEAST_COMBED = 8
_OTHER_ORDER = 0.1
_UNCOMBED = 2.0


class Look(Value):
    """What is known of some decoded pictures. Counts are of pictures."""

    pixel_format: str = ""  # as for the ones below: of the first picture, "" where unknown
    width: int = 0
    height: int = 0
    sample_aspect: str = ""  # "16/15"
    color_range: str = ""
    color_space: str = ""
    color_primaries: str = ""
    color_transfer: str = ""
    side_data: tuple[str, ...] = ()
    frames: int = 0
    flagged_top: int = 0  # flagged as interlaced, with the top field first
    flagged_bottom: int = 0
    combed_top: int = 0  # by their looks
    combed_bottom: int = 0
    uncombed: int = 0

    @property
    def flagged(self) -> int:
        return self.flagged_top + self.flagged_bottom

    def and_more(self, other: "Look") -> "Look":
        """This look with the counts of another stretch of the same stream added."""
        counts = (
            *("frames", "flagged_top", "flagged_bottom"),
            *("combed_top", "combed_bottom", "uncombed"),
        )
        return self.model_copy(
            update={name: getattr(self, name) + getattr(other, name) for name in counts}
        )

    @property
    def combed_order(self) -> str:
        """ "tt" or "bb" where pictures look combed, in that order of fields; else ""."""
        most, least = (
            max(self.combed_top, self.combed_bottom),
            min(self.combed_top, self.combed_bottom),
        )
        combed = (
            most >= _LEAST_COMBED
            and least <= most * _OTHER_ORDER
            and self.uncombed <= most * _UNCOMBED
        )
        if not combed:
            return ""
        return "tt" if self.combed_top > self.combed_bottom else "bb"


def parse_look(lines: Sequence[str]) -> Look:
    """Read ffmpeg's log, at level info, of a run with `LOOK_FILTERS`."""
    first: re.Match[str] | None = None
    colours: re.Match[str] | None = None
    side_data: dict[str, None] = {}
    flags: list[str] = []
    combed = (0, 0, 0)
    for line in lines:
        if frame := _FRAME.search(line):
            first = first or frame
            flags.append(frame[5])
        elif found := _COLOURS.search(line):
            colours = colours or found
        elif found := _SIDE_DATA.search(line):
            side_data[found[1].strip()] = None
        elif found := _FIELDS.search(line):
            combed = (int(found[1]), int(found[2]), int(found[3]))
    if first is None:
        return Look()
    named = [_known(word) for word in colours.groups()] if colours else ["", "", "", ""]
    return Look(
        pixel_format=first[1],
        width=int(first[3]),
        height=int(first[4]),
        sample_aspect=first[2],
        color_range=named[0],
        color_space=named[1],
        color_primaries=named[2],
        color_transfer=named[3],
        side_data=tuple(side_data),
        frames=len(flags),
        flagged_top=flags.count("T"),
        flagged_bottom=flags.count("B"),
        combed_top=combed[0],
        combed_bottom=combed[1],
        uncombed=combed[2],
    )


def _known(word: str) -> str:
    return "" if word in _UNKNOWN else word
