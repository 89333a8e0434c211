from fractions import Fraction

import pytest

from tasks.media.source import Rate
from tasks.media.timing import STANDARD_RATES, measure, output_rate, snap

MILLISECOND = Fraction(1, 1000)


def grid(rate: Fraction, count: int, time_base: Fraction, start: int = 0) -> list[int]:
    return [start + round(i / rate / time_base) for i in range(count)]


@pytest.mark.parametrize("rate", STANDARD_RATES)
@pytest.mark.parametrize("time_base", [MILLISECOND, Fraction(1, 90_000)])
@pytest.mark.parametrize("count", [30, 1000])
def test_a_standard_rate_is_found_without_any_claim(
    rate: Fraction, time_base: Fraction, count: int
) -> None:
    timing = measure(grid(rate, count, time_base), 0, time_base, [rate])

    assert not timing.is_vfr
    assert timing.rate.fraction == rate
    assert timing.frame_count == count


@pytest.mark.parametrize("claimed", [Fraction(2997, 100), Fraction(30), Fraction(0), Fraction(15)])
def test_frames_outweigh_what_the_container_claims(claimed: Fraction) -> None:
    ntsc = Fraction(30_000, 1001)
    ticks = grid(ntsc, 2000, MILLISECOND)

    assert measure(ticks, 33, MILLISECOND, [claimed]).rate == Rate(num=30_000, den=1001)


def test_an_unusual_rate_is_kept_exactly() -> None:
    timing = measure(grid(Fraction(18), 200, Fraction(1, 18)), 1, Fraction(1, 18), [Fraction(18)])

    assert (timing.rate.fraction, timing.is_vfr) == (18, False)


def test_order_does_not_matter_and_the_clock_may_start_anywhere() -> None:
    ticks = grid(Fraction(25), 100, MILLISECOND, start=1400)
    shuffled = ticks[1::2] + ticks[::2]

    timing = measure(shuffled, 40, MILLISECOND)

    assert (timing.start, timing.end) == (1.4, 5.4)


def test_one_frame_in_the_wrong_place_makes_a_rate_variable() -> None:
    ticks = grid(Fraction(25), 100, MILLISECOND)
    ticks[50] += 15

    timing = measure(ticks, 40, MILLISECOND, [Fraction(25)])

    assert timing.is_vfr
    assert timing.rate.fraction == 25


@pytest.mark.parametrize(
    ("steps", "rate"),
    [
        ([33, 33, 34] * 50 + [66] * 5, 30),  # a phone that drops frames
        ([8] * 5 + [40] * 300, 25),  # a short burst in a slow recording
        ([67] * 120 + [33] * 100, 30),  # as much fast as slow
        ([33, 30, 36, 26, 41] * 30, 30),  # nothing but jitter
        ([16, 17] * 60 + [500] * 3, 60),
        ([40] * 40 + [740] + [40] * 90, 25),  # a pause that ends between two places
        ([1000] * 20 + [3000] * 3, 10),  # slides
        ([4, 5] * 100 + [50] * 3, 60),  # never above 60
    ],
)
def test_a_variable_rate_gets_a_sensible_constant_one(steps: list[int], rate: int) -> None:
    ticks = [0]
    for step in steps:
        ticks.append(ticks[-1] + step)

    timing = measure(ticks, 40, MILLISECOND)

    assert timing.is_vfr
    assert float(timing.rate) == pytest.approx(rate, abs=0.1)  # 60 and 59.94 serve alike


def test_a_stream_without_frames_has_no_rate() -> None:
    with pytest.raises(ValueError, match="no frames"):
        measure([], 0, MILLISECOND)


@pytest.mark.parametrize(
    ("rate", "output"),
    [
        ("24000/1001", "24000/1001"),
        ("60", "60"),
        ("60000/1001", "60000/1001"),
        ("72", "36"),
        ("100", "50"),
        ("120000/1001", "60000/1001"),
        ("120", "60"),
        ("144", "48"),
        ("240", "60"),
    ],
)
def test_output_rate(rate: str, output: str) -> None:
    assert output_rate(Rate.of(Fraction(rate))) == Rate.of(Fraction(output))


@pytest.mark.parametrize(
    ("noisy", "exact"),
    [
        ("2997/100", "30000/1001"),
        ("23976/1000", "24000/1001"),
        ("24", "24"),
        ("59.94", "60000/1001"),
        ("25.0001", "25"),
        ("17", "17"),
    ],
)
def test_snap(noisy: str, exact: str) -> None:
    assert snap(Fraction(noisy)) == Fraction(exact)
