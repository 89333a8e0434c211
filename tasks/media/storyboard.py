"""The storyboard: pictures for the seek bar, tiled to sheets, and the WebVTT that finds them.

A cue's text is the media fragment of one tile, "storyboard_000.jpg#xywh=160,0,160,90", as players
(media-chrome, Video.js, JW Player) read it.
"""

from tasks.media.plan import SPRITE_PATTERN, Plan
from tasks.media.source import Value

COLUMNS = 10
ROWS = 10


class Sheet(Value):
    """One sprite: thumbnails `first` to `first + count - 1`, row by row."""

    name: str
    first: int
    count: int
    columns: int
    rows: int


def sheets(thumbnails: int) -> tuple[Sheet, ...]:
    """How so many thumbnails are laid out: full sheets, and a last one no larger than needed."""
    per_sheet = COLUMNS * ROWS
    laid_out = []
    for number, first in enumerate(range(0, thumbnails, per_sheet)):
        count = min(per_sheet, thumbnails - first)
        laid_out.append(
            Sheet(
                name=SPRITE_PATTERN % number,
                first=first,
                count=count,
                columns=min(COLUMNS, count),
                rows=-(-count // COLUMNS),
            )
        )
    return tuple(laid_out)


def webvtt(plan: Plan, thumbnails: int | None = None) -> str:
    """The WebVTT file; `thumbnails` where there are other than planned (the source ended early)."""
    count = plan.thumbnails if thumbnails is None else thumbnails
    width, height = plan.thumbnail_width, plan.thumbnail_height
    interval = plan.thumbnail_frames / float(plan.rate)
    cues = ["WEBVTT"]
    for sheet in sheets(count):
        for tile in range(sheet.count):
            number = sheet.first + tile
            row, column = divmod(tile, sheet.columns)
            start, end = number * interval, min((number + 1) * interval, plan.duration)
            if number == count - 1:
                end = max(plan.duration, start)
            area = f"{column * width},{row * height},{width},{height}"
            cues.append(f"{_time(start)} --> {_time(end)}\n{sheet.name}#xywh={area}")
    return "\n\n".join(cues) + "\n"


def _time(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"
