"""The ladder: which renditions are made of a source."""

from tasks.media.source import SourceInfo, Value
from tasks.media.timing import output_rate


class Rung(Value):
    """One rendition. Bitrates in bits a second; level as x264 and the codec string want it."""

    name: str  # "1080p", by the short side
    label: str  # UHD, FHD, HD or SD
    width: int
    height: int
    crf: int
    maxrate: int
    bufsize: int
    profile: str
    level: str  # "4.0"


# Short side, label, CRF, and maxrate (kbit/s) up to 30 frames a second. The maxrates are near those
# of Apple's HLS authoring specification; most content stays below, which is what CRF is for.
# 1440p has no label of its own and is more than full HD.
_STANDARD = (
    (2160, "UHD", 23, 16_000),
    (1440, "UHD", 23, 9_000),
    (1080, "FHD", 23, 6_000),
    (720, "HD", 23, 3_200),
    (480, "SD", 24, 1_500),
    (360, "SD", 25, 800),
)
_SMALLEST_MAXRATE = 200
# More frames are more alike: twice the rate costs about half as much again.
_HIGH_RATE_FACTOR = 1.5
# The buffer spans two seconds, one GOP: peaks within it even out over a segment.
_BUFFER_SECONDS = 2
_PROFILE = "high"

# H.264 table A-1: level, most macroblocks a frame, and a second, and kbit/s in High profile.
_LEVELS = (
    ("3.0", 1_620, 40_500, 12_500),
    ("3.1", 3_600, 108_000, 17_500),
    ("3.2", 5_120, 216_000, 25_000),
    ("4.0", 8_192, 245_760, 25_000),
    ("4.2", 8_704, 522_240, 62_500),
    ("5.0", 22_080, 589_824, 168_750),
    ("5.1", 36_864, 983_040, 300_000),
    ("5.2", 36_864, 2_073_600, 300_000),
    ("6.2", 139_264, 16_711_680, 1_000_000),
)


def build_ladder(info: SourceInfo) -> tuple[Rung, ...]:
    """The rungs for a source, the largest first; none for a source without video.

    Each standard rung not above the source's short side, in the source's aspect. A source smaller
    than all of them gets one rung of its own (even) size.
    """
    if info.video is None:
        return ()
    short = min(info.video.width, info.video.height)
    rate = float(output_rate(info.video.rate))
    standard = [row for row in _STANDARD if row[0] <= short]
    if not standard:
        return (_own_size(info.video.width, info.video.height, rate),)
    return tuple(
        _rung(info.video.width, info.video.height, rate, side, label, crf, maxrate)
        for side, label, crf, maxrate in standard
    )


def _own_size(width: int, height: int, rate: float) -> Rung:
    side, label, crf, maxrate = _STANDARD[-1]
    short = max(2, min(width, height) // 2 * 2)
    scaled = round(maxrate * (short / side) ** 1.5)
    return _rung(width, height, rate, short, label, crf, max(_SMALLEST_MAXRATE, scaled))


def _rung(
    width: int, height: int, rate: float, side: int, label: str, crf: int, maxrate: int
) -> Rung:
    long = _even(max(width, height) * side / min(width, height))
    # Rounding to even pixels must not enlarge.
    long = min(long, max(2, max(width, height) // 2 * 2))
    width, height = (long, side) if width >= height else (side, long)
    kilobits = round(maxrate * (_HIGH_RATE_FACTOR if rate > 30 else 1))
    return Rung(
        name=f"{side}p",
        label=label,
        width=width,
        height=height,
        crf=crf,
        maxrate=kilobits * 1000,
        bufsize=kilobits * 1000 * _BUFFER_SECONDS,
        profile=_PROFILE,
        level=_level(width, height, rate, kilobits),
    )


def _even(length: float) -> int:
    """The nearest even number of pixels: 4:2:0 halves both sides."""
    return max(2, round(length / 2) * 2)


def _level(width: int, height: int, rate: float, kilobits: int) -> str:
    """The lowest H.264 level that admits this, so that old devices are not shut out needlessly."""
    blocks = -(-width // 16) * -(-height // 16)
    for level, most, most_a_second, most_kilobits in _LEVELS:
        # 29.97 counts as 30, and so on: limits are stated for whole rates.
        if blocks <= most and blocks * rate <= most_a_second and kilobits <= most_kilobits:
            return level
    return _LEVELS[-1][0]
