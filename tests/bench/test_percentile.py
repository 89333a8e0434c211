"""A percentile is a latency that really occurred."""

import pytest

from bench.accept import percentile


@pytest.mark.parametrize(
    ("percent", "expected"), [(50, 10.0), (95, 19.0), (95.1, 20.0), (100, 20.0), (1, 1.0)]
)
def test_nearest_rank(percent: float, expected: float) -> None:
    values = [float(number) for number in range(20, 0, -1)]
    assert percentile(values, percent) == expected


def test_of_one_value() -> None:
    assert percentile([7.0], 95) == 7.0
