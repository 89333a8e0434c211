"""What is done to the pictures of a source, as lists of ffmpeg filters."""

from collections.abc import Iterable
from typing import Any

from tasks.media.source import VideoInfo

Filter = tuple[str, dict[str, Any]]

# Thumbnails of the storyboard fit into this square of pixels (160 x 90 for most).
THUMBNAIL_PIXELS = 160

# The matrix assumed where a file does not say: high definition is BT.709, the rest BT.601.
_HD_WIDTH, _HD_HEIGHT = 1280, 720
_MATRICES = {
    "bt709": "bt709",
    "smpte170m": "smpte170m",
    "bt470bg": "bt470bg",
    "fcc": "fcc",
    "smpte240m": "smpte240m",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020",
}


def chain(stream: Any, filters: Iterable[Filter]) -> Any:
    """Apply filters to a stream of ffmpeg-python, in order."""
    for name, options in filters:
        stream = stream.filter(name, **options)
    return stream


def deinterlace(video: VideoInfo) -> list[Filter]:
    """One progressive frame for each interlaced frame: the frame count stays."""
    if not video.interlaced:
        return []
    parity = {"tt": "tff", "tb": "tff", "bb": "bff", "bt": "bff"}.get(video.field_order, "auto")
    return [("bwdif", {"mode": "send_frame", "parity": parity, "deint": "all"})]


def to_sdr(video: VideoInfo) -> list[Filter]:
    """HDR (PQ or HLG) to BT.709. The scale filter's own conversion turns skies pink."""
    if not video.is_hdr:
        return []
    known = {
        "transferin": video.color_transfer,
        "primariesin": video.color_primaries or "bt2020",
        "matrixin": "bt2020c" if video.color_space == "bt2020c" else "bt2020nc",
    }
    return [
        ("zscale", {"transfer": "linear", "npl": 203, **known}),
        ("format", {"pix_fmts": "gbrpf32le"}),
        ("zscale", {"primaries": "bt709"}),
        ("tonemap", {"tonemap": "hable", "desat": 0}),
        ("zscale", {"transfer": "bt709", "matrix": "bt709", "range": "tv"}),
        ("format", {"pix_fmts": "yuv420p"}),
    ]


def to_picture(video: VideoInfo, width: int, height: int) -> list[Filter]:
    """Scale to square pixels of 8-bit 4:2:0 BT.709, whatever the source was."""
    return [
        (
            "scale",
            {
                "w": width,
                "h": height,
                "in_color_matrix": "bt709" if video.is_hdr else _matrix(video),
                "out_color_matrix": "bt709",
                "out_range": "tv",
            },
        ),
        ("format", {"pix_fmts": "yuv420p"}),
        ("setsar", {"sar": 1}),
        (
            "setparams",
            {
                "field_mode": "prog",
                "range": "tv",
                "color_primaries": "bt709",
                "color_trc": "bt709",
                "colorspace": "bt709",
            },
        ),
    ]


def thumbnail_size(video: VideoInfo) -> tuple[int, int]:
    """Size of a storyboard thumbnail in pixels, even and in the source's aspect."""
    scale = THUMBNAIL_PIXELS / max(video.width, video.height)
    return _even(video.width * scale), _even(video.height * scale)


def fit_width(video: VideoInfo, width: int) -> tuple[int, int]:
    """The size of a picture at most this wide, even, in the source's aspect, never enlarged."""
    scale = min(1.0, width / video.width)
    return _even(video.width * scale), _even(video.height * scale)


def _matrix(video: VideoInfo) -> str:
    if video.color_space in _MATRICES:
        return _MATRICES[video.color_space]
    hd = video.coded_width >= _HD_WIDTH or video.coded_height >= _HD_HEIGHT
    return "bt709" if hd else "smpte170m"


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)
