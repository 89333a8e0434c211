"""Decides how a source's pictures are to be shown, by its headers and by decoded pictures."""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from tasks.errors import BadInput
from tasks.media.look import Look
from tasks.media.orientation import orientation
from tasks.media.source import VideoInfo

_HDR_TRANSFERS = {"smpte2084", "arib-std-b67"}
# Names of HDR metadata as ffprobe and versions of ffmpeg have them, in small letters.
_HDR_SIDE_DATA = {
    *("mastering display metadata", "mastering display"),
    *("content light level metadata", "content light level information"),
    *("hdr10+ dynamic metadata (smpte 2094-40)", "hdr dynamic metadata smpte2094-40"),
    *("hdr10+ dynamic metadata", "hdr dynamic metadata smpte2094-40 (hdr10+)"),
}
_INTERLACED = {"tt": "tt", "tb": "tt", "bb": "bb", "bt": "bb"}
_ALPHA = re.compile(r"yuva|rgba|bgra|argb|abgr|gbrap|^ya\d|vuya|ayuv|^pal8")
# Codecs whose frames are flagged one by one: there a header for all of them does not count.
_FRAMES_KNOW = {"mpeg2video", "h264", "vc1", "mpeg1video", "hevc", "vp8", "vp9", "av1"}
# Codecs whose gray pictures have limited range unless they say otherwise; those of others are full.
_LIMITED_GRAY = {"h264", "hevc", "vp9", "av1", "mpeg2video"}
# Television: lines of a picture, and pictures a second (of two fields each).
_LEAST_LINES, _MOST_LINES, _HIGHEST_FRAME_RATE = 96, 1088, 30.5
_NEVER_INTERLACED = {"vp8", "vp9", "av1"}
# Pixels beyond 8:1 are a mistake of the file: the widest lenses squeeze by two.
_LONGEST_PIXEL = 8
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
# Dolby Vision without a base layer that others can show has this compatibility id.
_NO_COMPATIBLE_LAYER = 0


def refuse_dolby_vision(stream: Mapping[str, Any]) -> None:
    """Raise BadInput for Dolby Vision whose colours only Dolby's decoders know (profile 5)."""
    for data in stream.get("side_data_list", []):
        profile = data.get("dv_profile")
        if profile is None:
            continue
        if data.get("dv_bl_signal_compatibility_id") == _NO_COMPATIBLE_LAYER:
            raise BadInput(
                f"This is Dolby Vision profile {profile}, without a base layer that other decoders"
                " can show in right colours. Export it as HDR10, HLG or Dolby Vision profile 8."
            )


def alpha_decoder(stream: Mapping[str, Any]) -> str:
    """The decoder that sees a stream's transparency, where ffmpeg's own choice may not; else ""."""
    tags = {name.lower(): value for name, value in stream.get("tags", {}).items()}
    has_alpha = str(tags.get("alpha_mode", "")) == "1"
    return _ALPHA_DECODERS.get(stream["codec_name"], "") if has_alpha else ""


def may_be_interlaced(video: VideoInfo, look: Look) -> bool:
    """Whether more pictures are to be looked at: by what is said, or by size and rate."""
    said = video.field_order in _INTERLACED or look.flagged > 0
    like_television = (
        look.height % 2 == 0
        and _LEAST_LINES <= look.height <= _MOST_LINES
        and float(video.rate) <= _HIGHEST_FRAME_RATE
        and video.codec not in _NEVER_INTERLACED
    )
    return said or like_television


def as_seen(
    video: VideoInfo, stream: Mapping[str, Any], look: Look
) -> tuple[VideoInfo, tuple[str, ...]]:
    """How the pictures of a stream (of ffprobe's JSON) are to be shown, and what is worth a note.

    Raises BadInput for what cannot be shown right.
    """
    notes: list[str] = []
    way = orientation(_displaymatrix(stream))
    if way.problem:
        notes.append(way.problem)
    coded = (look.width or video.coded_width, look.height or video.coded_height)
    cropped = _cropping(stream)
    if cropped and coded != (video.coded_width, video.coded_height):
        notes.append(
            f"The container crops the picture: {coded[0]} by {coded[1]} pixels of"
            f" {video.coded_width} by {video.coded_height} are shown."
        )
    shape = _pixel_shape(stream.get("sample_aspect_ratio"), look.sample_aspect)
    if not Fraction(1, _LONGEST_PIXEL) <= shape <= _LONGEST_PIXEL:
        notes.append(
            f"The file says that its pixels are {float(shape):g} times as wide as high, which"
            " cannot be: they are taken for squares."
        )
        shape = Fraction(1)
    width, height = max(1, round(coded[0] * shape)), coded[1]
    if way.rotation in {90, 270}:
        width, height = height, width
    pixel_format = look.pixel_format or video.pixel_format
    seen = video.model_copy(
        update={
            "coded_width": coded[0],
            "coded_height": coded[1],
            "width": width,
            "height": height,
            "rotation": way.rotation,
            "mirrored": way.mirrored,
            "pixel_format": pixel_format,
            "color_transfer": video.color_transfer or look.color_transfer,
            "color_primaries": video.color_primaries or look.color_primaries,
            "color_space": video.color_space or look.color_space,
            "color_range": look.color_range or _assumed_range(video.codec, pixel_format),
            "has_alpha": bool(_ALPHA.search(pixel_format)),
        }
    )
    seen, said = _with_transfer(
        seen, {name.casefold() for name in (*look.side_data, *_side_data(stream))}
    )
    notes += said
    seen, said = _with_fields(seen, look)
    notes += said
    return seen, tuple(notes)


def _with_transfer(video: VideoInfo, side_data: set[str]) -> tuple[VideoInfo, list[str]]:
    """HDR by any of its signs: its transfer, else metadata of mastering, else its primaries."""
    if video.color_transfer:
        return video.model_copy(update={"is_hdr": video.color_transfer in _HDR_TRANSFERS}), []
    sign = ""
    if side_data & _HDR_SIDE_DATA:
        sign = "data of an HDR master"
    elif video.bit_depth >= 10 and (
        video.color_primaries == "bt2020" or video.color_space in {"bt2020nc", "bt2020c"}
    ):
        sign = "BT.2020 colours in ten bits"
    if not sign:
        return video.model_copy(update={"is_hdr": False}), []
    note = f"The file names no transfer, but has {sign}: it is taken for HDR10 (PQ)."
    return video.model_copy(update={"is_hdr": True, "color_transfer": "smpte2084"}), [note]


def _with_fields(video: VideoInfo, look: Look) -> tuple[VideoInfo, list[str]]:
    """Interlacing by the frames' own flags, else by their looks, else by the container."""
    claimed = _INTERLACED.get(video.field_order, "")
    looks = look.combed_order
    if look.frames and look.flagged and not looks:
        order = "tt" if look.flagged_top >= look.flagged_bottom else "bb"
        some = look.flagged < look.frames
        change = {"interlaced": True, "field_order": order, "only_flagged": some}
    elif looks:
        change = {"interlaced": True, "field_order": looks}
    elif look.frames:
        # Frames that say nothing of themselves, and show nothing: a container may know better.
        progressive = look.uncombed > look.combed_top + look.combed_bottom
        combed = bool(claimed) and not progressive and video.codec not in _FRAMES_KNOW
        change = {"interlaced": combed, "field_order": claimed or "progressive"}
    else:
        change = {"interlaced": bool(claimed), "field_order": claimed or "progressive"}
    said = []
    if looks and not look.flagged:
        first = "top" if looks == "tt" else "bottom"
        said.append(f"The pictures are interlaced, {first} field first, which the file hides.")
    elif looks and (look.flagged_top > look.flagged_bottom) != (looks == "tt"):
        first = "top" if looks == "tt" else "bottom"
        said.append(
            f"The pictures are flagged with the wrong order of fields: {first} comes first."
        )
    return video.model_copy(update=change), said


def _assumed_range(codec: str, pixel_format: str) -> str:
    gray = pixel_format.startswith("gray") or pixel_format.startswith("ya")
    return "tv" if gray and codec in _LIMITED_GRAY else ""


def _pixel_shape(*claimed: str | None) -> Fraction:
    """The first that says something of "16:15", "16/15", "0:1" or None; 1 where none does."""
    for text in claimed:
        num, _, den = (text or "0").replace(":", "/").partition("/")
        if int(num) > 0 and int(den or 1) > 0:
            return Fraction(int(num), int(den or 1))
    return Fraction(1)


def _displaymatrix(stream: Mapping[str, Any]) -> str:
    return next((data["displaymatrix"] for data in _data(stream) if "displaymatrix" in data), "")


def _cropping(stream: Mapping[str, Any]) -> bool:
    return any(data.get("side_data_type") == "Frame Cropping" for data in _data(stream))


def _side_data(stream: Mapping[str, Any]) -> Iterator[str]:
    return (str(data.get("side_data_type", "")) for data in _data(stream))


def _data(stream: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(stream.get("side_data_list", []))
