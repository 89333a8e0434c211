"""A subtitle file to a track: WebVTT or SubRip, in any encoding."""

import re
from dataclasses import dataclass

from webvtt import WebVTT
from webvtt.models import CueSettings

from tasks.errors import BadInput
from tasks.subtitles.cues import Cue, Track
from tasks.subtitles.encoding import decode
from tasks.subtitles.markup import from_srt, from_vtt, plain
from tasks.subtitles.scan import MAX_BYTES, Block, is_vtt, scan

_HAS_HEAD = re.compile(r"^(STYLE|REGION)\b", re.MULTILINE)
#: What a style could fetch from elsewhere.
_FETCHES = re.compile(r"url\s*\(|@import|\\|image-set", re.IGNORECASE)


@dataclass(frozen=True)
class Parsed:
    """A file as it was read: its track, format ("vtt" or "srt") and encoding."""

    track: Track
    format: str
    encoding: str


def parse(data: bytes, filename: str, language: str | None = None) -> Parsed:
    """Reads a file; ``language`` is its tag where known, which helps to tell its encoding.

    Raises BadInput with the line and what is wrong with it.
    """
    if len(data) > MAX_BYTES:
        raise BadInput(f"The file is larger than the {MAX_BYTES:,} bytes allowed here.")
    if not data.strip():
        raise BadInput("The file is empty.")
    text, encoding = decode(data, language)
    vtt = is_vtt(text) or filename.lower().endswith(".vtt")
    blocks = scan(text, vtt=vtt)
    cues = [_vtt_cue(block) if vtt else _srt_cue(block) for block in blocks]
    shown = sorted((cue for cue in cues if cue.text and cue.end > cue.start), key=_by_start)
    if not shown:
        raise BadInput("No cue in the file has a text and a time to show it.")
    head = _head(text) if vtt else ()
    return Parsed(Track(tuple(shown), head), "vtt" if vtt else "srt", encoding)


def words(track: Track) -> str:
    """Everything that is said, line by line."""
    return "\n".join(plain(cue.text) for cue in track.cues)


def _by_start(cue: Cue) -> tuple[int, int]:
    return cue.start, cue.end


def _vtt_cue(block: Block) -> Cue:
    settings = str(CueSettings.from_string(block.rest))
    return Cue(block.start, block.end, from_vtt("\n".join(block.payload)), settings)


def _srt_cue(block: Block) -> Cue:
    text, settings = from_srt("\n".join(block.payload))
    return Cue(block.start, block.end, text, settings)


def _head(text: str) -> tuple[str, ...]:
    """Regions and styles as blocks, without styles that would fetch something."""
    if not _HAS_HEAD.search(text):
        return ()  # the library reads every cue for it
    file = WebVTT.from_string(text)
    regions = ["\n".join(["REGION", *region]) for region in file.regions]
    styles = [f"STYLE\n{style.text}" for style in file.styles if not _FETCHES.search(style.text)]
    return (*regions, *styles)
