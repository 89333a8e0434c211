"""The orientation that a display matrix asks for: one of the eight ways to turn and mirror."""

import math
import re
from typing import Literal, NamedTuple, cast

Degrees = Literal[0, 90, 180, 270]

# A matrix is taken for one of the eight ways up to about 20 degrees from it.
_ALIKE = 1.88  # of at most 2, for two unit rows
_FLAT = 1e-3  # share of the area that is left; a matrix below shows nothing at all


class Orientation(NamedTuple):
    """What makes a picture upright: turn it clockwise, then mirror left and right."""

    rotation: Degrees = 0
    mirrored: bool = False
    problem: str = ""  # a sentence where the matrix cannot be followed exactly


def orientation(displaymatrix: str) -> Orientation:
    """Read ffprobe's `displaymatrix`, three lines "00000000: 65536 0 0"; "" is upright.

    A matrix that flattens the picture is ignored; one that turns it by odd degrees is followed to
    the nearest quarter.
    """
    rows = [line.split(":")[1] for line in displaymatrix.splitlines() if ":" in line]
    numbers = [int(word) for word in re.findall(r"-?\d+", " ".join(rows))]
    if len(numbers) != 9:
        return Orientation()
    (a, b), (c, d) = (_unit(*numbers[0:2]), _unit(*numbers[3:5]))
    if abs(a * d - b * c) < _FLAT:
        return Orientation(problem="The display matrix is broken: pictures are shown as stored.")
    likeness = {
        (rotation, mirrored): a * p + b * q + c * r + d * s
        for (rotation, mirrored), (p, q, r, s) in _MATRICES.items()
    }
    best = max(likeness, key=lambda way: likeness[way])
    problem = ""
    if likeness[best] < _ALIKE:
        problem = (
            "The display matrix turns the picture by odd degrees: it is turned to the nearest"
            f" quarter, {best[0]} degrees clockwise."
        )
    return Orientation(cast(Degrees, best[0]), best[1], problem)


def _unit(x: float, y: float) -> tuple[float, float]:
    length = math.hypot(x, y)
    return (x / length, y / length) if length else (0.0, 0.0)


# x' = ax + cy, y' = bx + dy, with y downwards: (a, b, c, d) by rotation and mirroring after it.
_TURNS = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}
_MATRICES = {
    **{(rotation, False): matrix for rotation, matrix in _TURNS.items()},
    **{(rotation, True): (-a, b, -c, d) for rotation, (a, b, c, d) in _TURNS.items()},
}
