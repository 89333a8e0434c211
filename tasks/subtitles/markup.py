"""Cue text: what WebVTT knows is kept, everything else is shown as the text that it is."""

import re
from html import unescape

_TAG = re.compile(r"<[^<>]*>")
_VTT_TAG = re.compile(
    r"</?(c|i|b|u|ruby|rt|v|lang)(\.[\w-]+)*([ \t][^<>&\n]*)?>|<(\d{2,}:)?\d{2}:\d{2}\.\d{3}>"
)
_SRT_TAG = re.compile(r"</?[ibu]>", re.IGNORECASE)
#: Of no use here, and never meant to be read.
_DROPPED_IN_SRT = re.compile(r"</?font\b[^<>]*>|\{\\[^{}]*\}", re.IGNORECASE)
#: Shapes that ASS draws, `{\\p1}m 0 0 l 9 9{\\p0}`: their coordinates are no words.
_DRAWING = re.compile(r"\{[^{}]*\\p[1-9][^{}]*\}.*?(?:(?=\{[^{}]*\\p0[^{}]*\})|\Z)", re.DOTALL)
#: The same where a program took the tags away: commands with at least two points.
_POINTS = r"(?: -?\d+(?:\.\d+)?){2,}"
_DRAWN = re.compile(rf"\bm{_POINTS}(?: [mnlbspc](?:{_POINTS})?)+ ?")
_ON_TOP = re.compile(r"\{\\an[789]\}")
_ENTITY = re.compile(r"&(?!(amp|lt|gt|nbsp|lrm|rlm|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")


def from_vtt(text: str) -> str:
    """WebVTT cue text without tags that WebVTT does not have: `<script>` becomes readable."""
    return _escaped(text, _VTT_TAG)


def from_srt(text: str) -> tuple[str, str]:
    """SubRip text as WebVTT cue text, and the cue settings that its place on screen asks for."""
    settings = "line:0" if _ON_TOP.search(text) else ""
    words = _DROPPED_IN_SRT.sub("", _DRAWING.sub("", text))
    kept = _SRT_TAG.sub(lambda match: match[0].lower(), words)
    return _escaped(kept, _SRT_TAG), settings


def without_drawings(text: str) -> str:
    """Text that ffmpeg made of ASS, which keeps the coordinates of shapes as words."""
    return _DRAWN.sub("", text)


def plain(text: str) -> str:
    """The words of cue text, without tags."""
    return unescape(_TAG.sub("", text))


def _escaped(text: str, known: re.Pattern[str]) -> str:
    parts, position = [], 0
    for match in known.finditer(text):
        parts += [_literal(text[position : match.start()]), match[0]]
        position = match.end()
    parts.append(_literal(text[position:]))
    # An empty line would end the cue.
    return "\n".join(line for line in "".join(parts).split("\n") if line.strip())


def _literal(text: str) -> str:
    return _ENTITY.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")
