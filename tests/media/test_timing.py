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
    ticks[50] += 20

    timing = measure(ticks, 40, MILLISECOND, [Fraction(25)])

    assert timing.is_vfr
    assert timing.rate.fraction == 25


@pytest.mark.parametrize(
    ("steps", "rate"),
    [
        ([33, 33, 34] * 50 + [66] * 5, 30),  # a phone that drops frames
        ([8] * 5 + [40] * 300, 25),  # a short burst in a slow recording
        ([67] * 120 + [33] * 100, 30),  # as much fast as slow
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


def test_nothing_but_jitter_is_evened_out() -> None:
    ticks = [0]
    for step in [33, 30, 36, 26, 41] * 30:
        ticks.append(ticks[-1] + step)

    timing = measure(ticks, 40, MILLISECOND)

    assert float(timing.rate) == pytest.approx(30, abs=0.1)
    assert timing.evened


def test_empty_places_of_an_avi_file_are_not_taken_for_another_rate() -> None:
    ticks = [tick for tick in range(250) if tick % 3 < 2]

    timing = measure(ticks, 1, Fraction(1, 25), [Fraction(25)], slots=Fraction(25))

    assert (timing.rate, timing.is_vfr, timing.end) == (Rate(num=25), True, 10.0)


def test_a_still_that_ends_with_a_short_frame_is_not_twice_as_long() -> None:
    timing = measure([0, 160_000], 640, Fraction(1, 16_000), [Fraction(50, 251), Fraction(1, 10)])

    assert timing.is_vfr
    assert timing.end == pytest.approx(10.04)


@pytest.mark.parametrize("first", [2, 3])
@pytest.mark.parametrize("minutes", [0.1, 90])
def test_a_film_with_pulldown_has_the_rate_of_its_pictures(first: int, minutes: float) -> None:
    """Of a DVD: pictures last two and three fields in turn, in ticks of 1/90,000 s."""
    field = Fraction(1001, 60_000) * 90_000
    count = round(minutes * 60 * 24)
    shown = [(5 * i + (i % 2) * (1 if first == 3 else -1)) / Fraction(2) for i in range(count)]
    ticks = [90_000 + round(at * field) for at in shown]

    timing = measure(ticks, 3003, Fraction(1, 90_000), [Fraction(30_000, 1001)])

    assert (timing.rate, timing.frame_count) == (Rate(num=24_000, den=1001), count)
    assert timing.is_vfr is False


def test_a_film_whose_pulldown_breaks_at_cuts_keeps_the_rate_of_its_pictures() -> None:
    field = Fraction(1001, 60_000) * 90_000
    steps = ([2, 3] * 200 + [2]) * 30
    ticks, at = [], 0
    for step in steps:
        ticks.append(round(at * field))
        at += step

    timing = measure(ticks, 3003, Fraction(1, 90_000), [Fraction(30_000, 1001)])

    assert timing.rate == Rate(num=24_000, den=1001)


def test_half_a_film_with_pulldown_and_half_television_keep_every_picture() -> None:
    field = Fraction(1001, 60_000) * 90_000
    ticks, at = [], 0
    for step in [2, 3] * 300 + [2] * 600:
        ticks.append(round(at * field))
        at += step

    timing = measure(ticks, 3003, Fraction(1, 90_000), [Fraction(30_000, 1001)])

    assert timing.rate == Rate(num=30_000, den=1001)


def test_a_stream_without_frames_has_no_rate() -> None:
    with pytest.raises(ValueError, match="no frames"):
        measure([], 0, MILLISECOND)


@pytest.mark.parametrize(
    ("rate", "output"),
    [
        ("24000/1001", "24000/1001"),
        ("60", "60"),
        ("3003/50", "3003/50"),  # a phone's sixty
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
