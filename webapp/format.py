"""How sizes, rates, durations and times are said on the pages: in the largest fitting unit."""

from datetime import UTC, datetime

from tasks.models.clock import aware

_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")
_BITS = ("b/s", "kb/s", "Mb/s", "Gb/s")
NOTHING = "—"
TIMES = "\N{MULTIPLICATION SIGN}"


def _scaled(value: float, units: tuple[str, ...]) -> str:
    index = 0
    while value >= 999.5 and index < len(units) - 1:
        value /= 1000
        index += 1
    # Three significant digits at most, and none after the point where they would only flicker.
    digits = 1 if index and value < 9.95 else 0
    text = f"{value:.{digits}f}"
    return f"{text.removesuffix('.0')} {units[index]}"


def size(value: float | None) -> str:
    """Bytes as people say them: ``1.2 GB``."""
    return NOTHING if value is None else _scaled(value, _SIZES)


def bitrate(value: float | None) -> str:
    """Bits a second: ``4.6 Mb/s``."""
    return NOTHING if not value else _scaled(value, _BITS)


def speed(value: float | None) -> str:
    """Seconds of film a second, as how many times faster than real time."""
    if not value:
        return ""
    digits = 0 if value >= 9.95 else 1 if value >= 0.095 else 2
    return f"{max(value, 0.01):.{digits}f}{TIMES} real time"


def count(value: int) -> str:
    """A number with thousands apart: ``12,431``."""
    return f"{value:,}"


def duration(seconds: float | None) -> str:
    """Seconds in the two largest units: ``3 min 12 s``, ``1 h 04 min``, ``2 d 3 h``."""
    if seconds is None:
        return NOTHING
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def left(seconds: float | None) -> str:
    """A guess of the time left, in one unit, as it is no better than that: ``4 min left``."""
    if seconds is None:
        return NOTHING
    if seconds < 1:
        return "a moment left"
    if seconds < 90:
        return f"{round(seconds)} s left"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min left"
    return f"{round(seconds / 3600)} h left"


def clock(seconds: float | None) -> str:
    """A running time as players write it: ``1:04:07``, ``0:58``."""
    if seconds is None:
        return NOTHING
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def utc(moment: datetime) -> datetime:
    """The moment in UTC, with its zone; one without a zone is UTC already."""
    return aware(moment)


def iso(moment: datetime) -> str:
    """For ``<time datetime>``: ``2026-11-20T10:01:12Z``."""
    return utc(moment).isoformat(timespec="seconds").replace("+00:00", "Z")


def exact(moment: datetime) -> str:
    """For hovering, before the browser says it in its own zone: ``20 Nov 2026, 10:01:12 UTC``."""
    return utc(moment).strftime("%d %b %Y, %H:%M:%S UTC").lstrip("0")


def ago(moment: datetime, now: datetime | None = None) -> str:
    """How long ago, in one unit: ``now``, ``6 min``, ``3 h``, ``yesterday``, ``12 Nov 2026``."""
    now = now or datetime.now(UTC)
    seconds = (utc(now) - utc(moment)).total_seconds()
    if seconds < 60:
        return "now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min"
    if seconds < 86400:
        return f"{int(seconds // 3600)} h"
    if seconds < 2 * 86400:
        return "yesterday"
    if seconds < 14 * 86400:
        return f"{int(seconds // 86400)} d"
    return utc(moment).strftime("%d %b %Y").lstrip("0")


def ago_long(moment: datetime, now: datetime | None = None) -> str:
    """The same for the middle of a sentence: ``just now``, ``6 min ago``, ``yesterday``."""
    words = ago(moment, now)
    if words == "now":
        return "just now"
    return f"{words} ago" if words.endswith((" min", " h", " d")) else words


def time_of_day(moment: datetime) -> str:
    """Before the browser says it in its own zone: ``10:01:12``."""
    return utc(moment).strftime("%H:%M:%S")


def ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``3rd``, ``11th``."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{({1: 'st', 2: 'nd', 3: 'rd'}).get(number % 10, 'th')}"


FILTERS = {
    "size": size,
    "bitrate": bitrate,
    "count": count,
    "clock": clock,
    "iso": iso,
    "exact": exact,
    "ago": ago,
    "ago_long": ago_long,
    "time_of_day": time_of_day,
}
