"""Loudness by EBU R128, as ffmpeg's `ebur128` filter measures it."""

import re
from collections.abc import Sequence

from tasks.media.source import Value

#: Below this nothing is measured: the track is silent.
SILENCE = -70.0
_SUMMARY = re.compile(r"\[ebur128@(\S+) @ [^]]*\] Summary:")
_NUMBERS = {
    "integrated": re.compile(r"^\s*I:\s+(-?[\d.]+|-inf|nan) LUFS"),
    "range": re.compile(r"^\s*LRA:\s+(-?[\d.]+|-inf|nan) LU"),
    "true_peak": re.compile(r"^\s*Peak:\s+(-?[\d.]+|-inf|nan) dBFS"),
}


class Loudness(Value):
    """How loud a whole track is."""

    integrated: float  # LUFS; SILENCE or below where there is nothing to hear
    range: float  # LU
    true_peak: float | None  # dBTP; None for silence

    @property
    def is_silent(self) -> bool:
        return self.integrated <= SILENCE


def parse_loudness(lines: Sequence[str]) -> dict[str, Loudness]:
    """Loudness by the names of the filter's instances (`ebur128@NAME`), of ffmpeg's log."""
    found: dict[str, dict[str, float]] = {}
    current: dict[str, float] = {}
    for line in lines:
        if summary := _SUMMARY.search(line):
            current = found.setdefault(summary[1], {})
            continue
        for name, pattern in _NUMBERS.items():
            if (number := pattern.match(line)) and name not in current:
                current[name] = float(number[1])
    return {
        name: Loudness(
            integrated=max(SILENCE, numbers["integrated"]),
            range=numbers.get("range", 0.0),
            true_peak=_finite(numbers.get("true_peak")),
        )
        for name, numbers in found.items()
        if "integrated" in numbers
    }


def gain_to(target: float, loudness: Loudness, tolerance: float) -> float:
    """Decibels that bring a track to a target in LUFS; 0 where it is silent or near enough."""
    difference = target - loudness.integrated
    return 0.0 if loudness.is_silent or abs(difference) <= tolerance else difference


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) != float("inf") else None
