"""Frame rates: which one a source has, and which one it gets.

A source has a constant rate R if its frame i is shown at start + i/R, give or take a fifth of a
frame: then each frame has a place of its own in the output, and none is repeated or lost. That is
checked on every frame, because what containers claim is often an average, or a guess from the first
seconds. `start` need not be the first frame's own time: of a film with 2:3 pulldown, whose frames
last two and three fields in turn, every other frame is half a field late.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import groupby
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
# Clocks of phones run a hair fast: 60.06 pictures a second are still sixty.
_ABOVE_HIGHEST = Fraction(1, 100)
# A noisy average is taken for the nearest standard rate this close. 24 and 23.976 are 0.1 % apart.
SNAP = Fraction(4, 10_000)
# A variable rate may be further off: phones say 29.8 where they mean 30.
SNAP_VARIABLE = Fraction(3, 100)
ALIKE = 0.1
# Frames over which the step from one to the next is averaged.
_SPAN = 4
# A rate for a variable source must leave this share of its frames in.
KEPT = 0.98
# How far from its place on the grid, in frames, a frame of a constant rate may be.
TOLERANCE = 0.2
# Below this rate pictures are slides: the last one may stay for another time than the others.
_SLIDES = 5
# Of the difference between a frame's time and its even time, how much is made up with each frame.
EVEN_SHARE = 0.1
# Frames off by more than this are where they are: a hold, or another rate.
EVEN_WITHIN = 0.75
# Ticks of 1/90,000 s make a fifth of a frame a little more.
_ROUNDING = 0.01


class Timing(Value):
    """When the frames of a video stream are shown. Times in seconds."""

    rate: Rate
    is_vfr: bool
    evened: bool  # frames keep places of their own only if `even` is applied to their times
    frame_count: int
    start: float
    end: float


def measure(
    ticks: Sequence[int],
    last_duration: int,
    time_base: Fraction,
    claimed: Sequence[Fraction] = (),
    *,
    slots: Fraction | None = None,
) -> Timing:
    """Find the rate of frames shown at `ticks` (in any order, in units of `time_base` seconds).

    `last_duration` is the last frame's, in ticks, 0 where unknown; `claimed` are the rates that the
    container names; `slots` is the rate whose places it numbers, some of which may be empty (AVI).
    Raises ValueError where there is no frame.
    """
    shown = array("q", (tick for tick, _ in groupby(sorted(ticks))))
    if not shown:
        raise ValueError("no frames")
    start = float(shown[0] * time_base)
    candidates = [slots] if slots else _candidates(shown, time_base, claimed)
    constant, shift = _constant(shown, time_base, candidates)
    if constant and constant < _SLIDES and _lasts_otherwise(last_duration * time_base * constant):
        constant = None
    if constant or slots:
        rate, evened = constant or slots or Fraction(0), False
    else:
        rate, evened = _sensible(shown, time_base, claimed)
    if constant:
        start += shift / float(rate)
        end = start + float(len(shown) / rate)
    else:
        held = last_duration * time_base or 1 / rate
        end = float(shown[-1] * time_base + held)
    return Timing(
        rate=Rate.of(rate),
        is_vfr=constant is None,
        evened=evened,
        frame_count=len(shown),
        start=start,
        end=end,
    )


def output_rate(rate: Rate) -> Rate:
    """The rate to encode at: the source's own, or above 60 its largest whole part up to 60."""
    value = rate.fraction
    divisor = -(-value // (HIGHEST_RATE * (1 + _ABOVE_HIGHEST)))  # rounded up
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


def _lasts_otherwise(frames: Fraction) -> bool:
    """Whether a last frame of so many frames' duration says that the rate is none."""
    return frames > 0 and not 0.75 < frames < 1.25


def _constant(
    shown: Sequence[int], time_base: Fraction, candidates: Sequence[Fraction]
) -> tuple[Fraction | None, float]:
    """The candidate whose grid the frames fit best, None where they fit none; and by how many
    frames its grid begins after the first frame."""
    best: tuple[Fraction | None, float] = None, 0.0
    narrowest = 2 * TOLERANCE + _ROUNDING
    for rate in candidates:
        first, per_tick = shown[0], float(time_base * rate)
        late = [(tick - first) * per_tick - i for i, tick in enumerate(shown)]
        earliest, latest = min(late), max(late)
        usual = rate in STANDARD_RATES
        if latest - earliest <= (narrowest if usual else min(narrowest, TOLERANCE)):
            # The first frame's own time wherever all others are near enough to its grid.
            shift = max(0.0, latest - TOLERANCE) + min(0.0, earliest + TOLERANCE)
            best = rate, shift
            # The first ones are the likelier: a hair does not count.
            narrowest = latest - earliest - _ROUNDING
    return best


def even(ticks: Iterable[float], step: float) -> Iterator[float]:
    """Times that follow the given ones by steady steps: jitter is gone, and drift is not.

    For frames whose steps alternate (2:3 pulldown that breaks off at cuts) or vary (cameras):
    where they lie halfway between two places, two would fall on one. The video command does the
    same by an expression.
    """
    last: float | None = None
    for tick in ticks:
        due = tick if last is None else last + step
        off = tick - due
        last = due + EVEN_SHARE * off if abs(off) < EVEN_WITHIN * step else tick
        yield last


def _sensible(
    shown: Sequence[int], time_base: Fraction, claimed: Sequence[Fraction]
) -> tuple[Fraction, bool]:
    """A constant rate for a variable one: a standard one, at most 60, that keeps most frames; and
    whether `even` makes it keep more.

    The rate of the median step is preferred, then what the container says, then the lowest.
    """
    # Over four frames: one of a film with 2:3 pulldown lasts two or three fields, four last ten.
    span = min(_SPAN, len(shown) - 1)
    steps = sorted(b - a for a, b in zip(shown, shown[span:], strict=False))
    median = steps[len(steps) // 2]
    # Coarse ticks make 33 and 34 ms of one rate: only their mean tells 30 from 29.97.
    alike = [step for step in steps if abs(step - median) <= median * ALIKE]
    step = Fraction(sum(alike), len(alike) * span)
    wanted = [snap(1 / (step * time_base), SNAP_VARIABLE)]
    wanted += [snap(rate) for rate in claimed if rate > 0]
    wanted += [rate for rate in STANDARD_RATES if rate.denominator <= 2]
    for rate in wanted:
        if rate not in STANDARD_RATES or rate > HIGHEST_RATE:
            continue
        kept = _kept(shown, time_base, rate)
        steady = (
            0.0
            if kept == 1
            else _kept(list(even(shown, float(1 / (rate * time_base)))), time_base, rate)
        )
        if max(kept, steady) >= KEPT:
            return rate, steady > kept
    return Fraction(HIGHEST_RATE), False


def _kept(shown: Sequence[float], time_base: Fraction, rate: Fraction) -> float:
    """The share of frames that would have a place of their own at a rate."""
    per_tick = float(time_base * rate)
    # The grid begins a quarter of a frame early, as it does when encoding: frames that are halfway
    # between two places must not be taken for lost.
    places = {floor((tick - shown[0]) * per_tick + 0.75) for tick in shown}
    return len(places) / len(shown)
