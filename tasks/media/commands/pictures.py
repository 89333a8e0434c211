"""Pictures beside the film: its poster, and the sprites of the storyboard."""

from pathlib import Path

import ffmpeg

from tasks.media import filters
from tasks.media.commands.common import PROTOCOLS, compiled, pictures_from, video_of
from tasks.media.plan import THUMBNAIL_PATTERN
from tasks.media.source import SourceInfo
from tasks.media.storyboard import Sheet
from tasks.media.tools import Tools

# Most GOPs are shorter, also in television.
_PREROLL_SECONDS = 12


def poster_command(
    source: Path,
    info: SourceInfo,
    out_file: Path,
    tools: Tools,
    *,
    at_seconds: float | None = None,
    width: int = 1280,
) -> list[str]:
    """Write one representative frame as a JPEG, at most `width` wide.

    It is looked for from `at_seconds` on: a tenth into the film (at most a minute) unless told.
    """
    video = video_of(info)
    at = min(60.0, video.duration / 10) if at_seconds is None else at_seconds
    # Never so near the end that there is nothing left to choose from.
    at = max(0.0, min(at, video.duration - 1.0))
    # From some GOPs before: the first pictures out of the decoder may be garbage.
    begins = at - _PREROLL_SECONDS
    picture = pictures_from(source, info, begins + video.start_time if begins > 0 else None)
    picture = picture.filter("setpts", f"PTS-({video.start_time + at:.6f})/TB")
    # trim drops what was decoded only because the key frame lies before.
    picture = picture.filter("trim", start=0).filter("thumbnail", n=24)
    picture = filters.chain(picture, filters.to_sdr(video))
    size = filters.fit_width(video, width)
    output = filters.chain(picture, filters.to_picture(video, *size)).output(
        str(out_file),
        **{"frames:v": 1, "c:v": "mjpeg", "q:v": 3, "map_metadata": -1, "format": "image2"},
        update=1,
    )
    return compiled([output], tools)


def storyboard_command(thumbs_dir: Path, sheet: Sheet, out_dir: Path, tools: Tools) -> list[str]:
    """Tile a sheet's thumbnails, which lie in `thumbs_dir`, to the sprite `sheet.name`."""
    tiles = ffmpeg.input(
        str(thumbs_dir / THUMBNAIL_PATTERN),
        format="image2",
        start_number=sheet.first,
        framerate=1,
        protocol_whitelist=PROTOCOLS,
    )
    output = tiles.filter("tile", f"{sheet.columns}x{sheet.rows}").output(
        str(out_dir / sheet.name),
        **{"frames:v": 1, "c:v": "mjpeg", "q:v": 4, "map_metadata": -1, "format": "image2"},
        update=1,
    )
    return compiled([output], tools)
