"""Frame rates: which one a source has, and which one it gets.

A source has a constant rate R if its frame i is shown at i/R, give or take a fifth of a frame: then
each frame has a place of its own in the output, and none is repeated or lost. That is checked on
every frame, because what containers claim is often an average, or a guess from the first seconds.
"""

from array import array
from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby, pairwise
from math import floor

from tasks.media.source import Rate, Value

STANDARD_RATES = tuple(
    Fraction(rate)
    for rate in (
        *(10, "25/2", 15, "24000/1001", 24, 25, "30000/1001", 30, 48, 50, "60000/1001", 60),
        *(72, 90, 100, "120000/1001", 120, 144, 180, 200, 240),
    )
)
HIGHEST_RATE = 60
# A noisy average is taken for the nearest standard rate this close. 24 and 23.976 are 0.1 % apart.
SNAP = Fraction(4, 10_000)
# A variable rate may be further off: phones say 29.8 where they mean 30.
SNAP_VARIABLE = Fraction(3, 100)
ALIKE = 0.1
# A rate for a variable source must leave this share of its frames in.
KEPT = 0.95
# How far from its place on the grid, in frames, a frame of a constant rate may be.
TOLERANCE = 0.2


class Timing(Value):
    """When the frames of a video stream are shown. Times in seconds."""

    rate: Rate
    is_vfr: bool
    frame_count: int
    start: float
    end: float


def measure(
    ticks: Sequence[int],
    last_duration: int,
    time_base: Fraction,
    claimed: Sequence[Fraction] = (),
) -> Timing:
    """Find the rate of frames shown at `ticks` (in any order, in units of `time_base` seconds).

    `last_duration` is the last frame's, in ticks, 0 where unknown; `claimed` are the rates that the
    container names. Raises ValueError where there is no frame.
    """
    shown = array("q", (tick for tick, _ in groupby(sorted(ticks))))
    if not shown:
        raise ValueError("no frames")
    start = float(shown[0] * time_base)
    candidates = _candidates(shown, time_base, claimed)
    constant = next((rate for rate in candidates if _on_grid(shown, time_base, rate)), None)
    rate = constant or _sensible(shown, time_base, claimed)
    if constant:
        end = start + float(len(shown) / rate)
    else:
        held = last_duration * time_base or 1 / rate
        end = float(shown[-1] * time_base + held)
    return Timing(
        rate=Rate.of(rate),
        is_vfr=constant is None,
        frame_count=len(shown),
        start=start,
        end=end,
    )


def output_rate(rate: Rate) -> Rate:
    """The rate to encode at: the source's own, or above 60 its largest whole part up to 60."""
    value = rate.fraction
    divisor = -(-value // HIGHEST_RATE)  # rounded up
    return Rate.of(value / max(1, divisor))


def snap(rate: Fraction, within: Fraction = SNAP) -> Fraction:
    """The nearest standard rate if it is close enough, else the rate itself, simplified."""
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard - rate))
    if abs(nearest - rate) <= nearest * within:
        return nearest
    return rate.limit_denominator(1001)


def _candidates(
    shown: Sequence[int], time_base: Fraction, claimed: Sequence[Fraction]
) -> list[Fraction]:
    rates = [snap(rate) for rate in claimed if rate > 0]
    if len(shown) > 1:
        measured = Fraction(len(shown) - 1) / ((shown[-1] - shown[0]) * time_base)
        # On a short clip with coarse ticks both 24 and 23.976 are within reach: try all near.
        near = [s for s in STANDARD_RATES if abs(s - measured) <= s / 50]
        rates += sorted(near, key=lambda s: abs(s - measured))
        rates.append(measured.limit_denominator(1001))
    return list(dict.fromkeys(rates)) or [Fraction(25)]


def _on_grid(shown: Sequence[int], time_base: Fraction, rate: Fraction) -> bool:
    first, per_tick = shown[0], float(time_base * rate)
    return all(abs((tick - first) * per_tick - i) <= TOLERANCE for i, tick in enumerate(shown))


def _sensible(shown: Sequence[int], time_base: Fraction, claimed: Sequence[Fraction]) -> Fraction:
    """A constant rate for a variable one: a standard one, at most 60, that keeps most frames.

    The rate of the median step is preferred, then what the container says, then the lowest.
    """
    steps = sorted(b - a for a, b in pairwise(shown))
    median = steps[len(steps) // 2]
    # Coarse ticks make 33 and 34 ms of one rate: only their mean tells 30 from 29.97.
    alike = [step for step in steps if abs(step - median) <= median * ALIKE]
    step = Fraction(sum(alike), len(alike))
    wanted = [snap(1 / (step * time_base), SNAP_VARIABLE)]
    wanted += [snap(rate) for rate in claimed if rate > 0]
    wanted += [rate for rate in STANDARD_RATES if rate.denominator <= 2]
    for rate in wanted:
        if (
            rate in STANDARD_RATES
            and rate <= HIGHEST_RATE
            and _kept(shown, time_base, rate) >= KEPT
        ):
            return rate
    return Fraction(HIGHEST_RATE)


def _kept(shown: Sequence[int], time_base: Fraction, rate: Fraction) -> float:
    """The share of frames that would have a place of their own at a rate."""
    per_tick = float(time_base * rate)
    # The grid begins a quarter of a frame early, as it does when encoding: frames that are halfway
    # between two places must not be taken for lost.
    places = {floor((tick - shown[0]) * per_tick + 0.75) for tick in shown}
    return len(places) / len(shown)
