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
_RGB_FORMATS = ("gbr", "rgb", "bgr", "argb", "abgr", "0rgb", "0bgr", "xyz", "pal8", "bayer")
_WIDE_PRIMARIES = {"bt2020", "smpte432", "smpte431"}
_SDR_TRANSFERS = {"bt709", "smpte170m", "bt2020-10", "bt2020-12", "iec61966-2-1"}


def chain(stream: Any, filters: Iterable[Filter]) -> Any:
    """Apply filters to a stream of ffmpeg-python, in order."""
    for name, options in filters:
        stream = stream.filter(name, **options)
    return stream


def steady(video: VideoInfo) -> list[Filter]:
    """All frames as large as the first, whatever the source changes to; even sides for HDR."""
    size = {"w": video.coded_width, "h": video.coded_height}
    if _needs_zscale(video):  # zimg wants even sides of 4:2:0
        size = {"w": video.coded_width + video.coded_width % 2}
        size["h"] = video.coded_height + video.coded_height % 2
    return [("scale", size)]


def deinterlace(video: VideoInfo) -> list[Filter]:
    """One progressive frame for each interlaced frame: the frame count stays."""
    if not video.interlaced:
        return []
    if video.only_flagged:
        return [("bwdif", {"mode": "send_frame", "parity": "auto", "deint": "interlaced"})]
    parity = {"tt": "tff", "bb": "bff"}.get(video.field_order, "auto")
    return [("bwdif", {"mode": "send_frame", "parity": parity, "deint": "all"})]


def opaque(video: VideoInfo) -> list[Filter]:
    """Transparent pictures over black, as players show them."""
    if not video.has_alpha:
        return []
    formats = "yuva444p|yuva444p10le|yuva444p12le|yuva444p16le|gbrap|gbrap12le|gbrap16le"
    return [("format", {"pix_fmts": formats}), ("premultiply", {"inplace": 1})]


def upright(video: VideoInfo) -> list[Filter]:
    """Turned and mirrored as the container asks, and its display matrix taken off."""
    taken_off: Filter = ("sidedata", {"mode": "delete", "type": "DISPLAYMATRIX"})
    return [*_TURNS[video.rotation, video.mirrored], taken_off]


# By degrees clockwise, and whether left and right are swapped after that.
_TURNS: dict[tuple[int, bool], list[Filter]] = {
    (0, False): [],
    (90, False): [("transpose", {"dir": "clock"})],
    (180, False): [("hflip", {}), ("vflip", {})],
    (270, False): [("transpose", {"dir": "cclock"})],
    (0, True): [("hflip", {})],
    (90, True): [("transpose", {"dir": "cclock_flip"})],
    (180, True): [("vflip", {})],
    (270, True): [("transpose", {"dir": "clock_flip"})],
}


def to_sdr(video: VideoInfo) -> list[Filter]:
    """HDR (PQ or HLG) and wide gamuts to BT.709. The scale filter's own way turns skies pink."""
    if not _needs_zscale(video):
        return []
    rgb = _is_rgb(video)
    matrix = "gbr" if rgb else "bt2020c" if video.color_space == "bt2020c" else "bt2020nc"
    if not video.is_hdr:
        matrix = "gbr" if rgb else video.color_space or "bt709"
    known = {
        "transferin": video.color_transfer or "bt709",
        "primariesin": video.color_primaries or "bt2020",
        "matrixin": matrix,
        # Without a range of its own, RGB is full and the rest limited.
        "rangein": video.color_range or ("pc" if rgb else "tv"),
    }
    to_bt709 = {"transfer": "bt709", "matrix": "bt709", "range": "tv"}
    last: Filter = ("format", {"pix_fmts": "yuv420p"})
    if not video.is_hdr:
        return [("zscale", {"primaries": "bt709", **to_bt709, **known}), last]
    # Primaries are named on both sides: where the frames name none, zimg finds no way between.
    linear = {"transfer": "linear", "npl": 203, "primaries": known["primariesin"]}
    return [
        ("zscale", {**linear, **known}),
        ("format", {"pix_fmts": "gbrpf32le"}),
        ("zscale", {"primaries": "bt709"}),
        ("tonemap", {"tonemap": "hable", "desat": 0}),
        ("zscale", to_bt709),
        last,
    ]


def to_picture(video: VideoInfo, width: int, height: int) -> list[Filter]:
    """Scale to square pixels of 8-bit 4:2:0 BT.709, whatever the source was."""
    return [
        (
            "scale",
            {
                "w": width,
                "h": height,
                "in_color_matrix": "bt709" if _needs_zscale(video) else _matrix(video),
                **_in_range(video),
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


def _needs_zscale(video: VideoInfo) -> bool:
    return video.is_hdr or (
        video.color_primaries in _WIDE_PRIMARIES and video.color_transfer in {"", *_SDR_TRANSFERS}
    )


def _is_rgb(video: VideoInfo) -> bool:
    return video.color_space == "gbr" or video.pixel_format.startswith(_RGB_FORMATS)


def _in_range(video: VideoInfo) -> dict[str, str]:
    # Only where the frames themselves do not say it: after other filters they do.
    gray = video.pixel_format.startswith(("gray", "ya"))
    return {"in_range": video.color_range} if gray and video.color_range else {}


def _matrix(video: VideoInfo) -> str:
    if video.color_space in _MATRICES:
        return _MATRICES[video.color_space]
    hd = video.coded_width >= _HD_WIDTH or video.coded_height >= _HD_HEIGHT
    return "bt709" if hd else "smpte170m"


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)
