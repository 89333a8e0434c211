"""Decides how a sound track is mixed to stereo, by its first decoded samples."""

import re
from collections.abc import Sequence

from tasks.media.source import AudioInfo

_SAMPLES = re.compile(r"\bchannels: *(\d+) chlayout:(.+?) rate: *(\d+)")
_AMBISONIC = re.compile(r"ambisonic (\d+)")
_NAMELESS = re.compile(r"\d+ channels( \(.*\))?$")


def heard(lines: Sequence[str]) -> tuple[int, str, int] | None:
    """Channels, layout and sample rate in ffmpeg's log of `ashowinfo`; None where no sound came."""
    for line in lines:
        if found := _SAMPLES.search(line):
            return int(found[1]), found[2].strip(), int(found[3])
    return None


def as_heard(audio: AudioInfo, channels: int, layout: str, sample_rate: int) -> AudioInfo:
    """The track as its decoder gives it, which may differ from what its header says."""
    return audio.model_copy(
        update={"channels": channels, "layout": layout, "sample_rate": sample_rate}
    )


def mixed_by_hand(audio: AudioInfo) -> tuple[AudioInfo, str]:
    """A mix to stereo for a layout that ffmpeg knows no way from, and a sentence that says so.

    Ambisonics are heard from the left and the right; of nameless channels the first two are left
    and right, and the others are on both sides, half as loud.
    """
    name = f"Sound track {audio.index}"
    if found := _AMBISONIC.match(audio.layout):
        mix = "stereo|c0=0.5*c0+0.5*c1|c1=0.5*c0-0.5*c1"
        note = f"{name} is ambisonic of order {found[1]}: it is mixed to left and right."
    else:
        others = "".join(f"+0.5*c{channel}" for channel in range(2, audio.channels))
        mix = f"stereo|c0<c0{others}|c1<c1{others}"
        named = "without names" if _NAMELESS.match(audio.layout) else f"laid out as {audio.layout}"
        note = (
            f"{name} has {audio.channels} channels {named}: the first two are taken for left and"
            " right, the others are mixed into both."
        )
    return audio.model_copy(update={"mix": mix}), note
