"""A subtitle file to a track: WebVTT or SubRip, in any encoding."""

import re
from dataclasses import dataclass

from webvtt.models import CueSettings

from tasks.errors import BadInput
from tasks.subtitles.cues import Cue, Track
from tasks.subtitles.encoding import decode
from tasks.subtitles.markup import from_srt, from_vtt, plain
from tasks.subtitles.scan import MAX_BYTES, Block, LeftOut, is_vtt, scan
from tasks.subtitles.times import ARROW

#: What a style could fetch from elsewhere.
_FETCHES = re.compile(r"url\s*\(|@import|\\|image-set", re.IGNORECASE)


@dataclass(frozen=True)
class Parsed:
    """A file as it was read: its track, format ("vtt" or "srt") and encoding, and what of it is
    left out, by line."""

    track: Track
    format: str
    encoding: str
    left_out: tuple[LeftOut, ...] = ()


def parse(data: bytes, filename: str, language: str | None = None) -> Parsed:
    """Reads a file; ``language`` is its tag where known, which helps to tell its encoding.

    Raises BadInput with the line and what is wrong with it where nothing can be read.
    """
    if len(data) > MAX_BYTES:
        raise BadInput(f"The file is larger than the {MAX_BYTES:,} bytes allowed here.")
    if not data.strip(b"\0 \t\r\n"):
        raise BadInput("The file is empty.")
    decoded = decode(data, language)
    vtt = is_vtt(decoded.text)
    left_out = list(decoded.left_out)
    if filename.lower().endswith(".vtt") and not vtt:
        left_out.append(LeftOut(1, "the word WEBVTT is missing; the file is read as SubRip."))
    scanned = scan(decoded.text, vtt=vtt)
    left_out += scanned.left_out
    cues = []
    for block in scanned.blocks:
        cue = _vtt_cue(block) if vtt else _srt_cue(block)
        if cue.text:
            cues.append(cue)
        else:
            left_out.append(LeftOut(block.line, "the cue has no text to show."))
    if not cues:
        raise BadInput("No cue in the file has a text to show.")
    track = Track(tuple(sorted(cues, key=_by_start)), _head(scanned.head))
    sorted_out = tuple(sorted(left_out, key=lambda part: part.line))
    return Parsed(track, "vtt" if vtt else "srt", decoded.encoding, sorted_out)


def words(track: Track) -> str:
    """Everything that is said, line by line."""
    return "\n".join(plain(cue.text) for cue in track.cues)


def _by_start(cue: Cue) -> tuple[int, int]:
    return cue.start, cue.end


def _vtt_cue(block: Block) -> Cue:
    settings = "" if ARROW in block.rest else str(CueSettings.from_string(block.rest))
    return Cue(block.start, block.end, from_vtt("\n".join(block.payload)), settings)


def _srt_cue(block: Block) -> Cue:
    text, settings = from_srt("\n".join(block.payload))
    return Cue(block.start, block.end, text, settings)


def _head(blocks: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """Regions, then styles, as blocks, without styles that would fetch something."""
    texts = ["\n".join(lines) for lines in blocks if not any(ARROW in line for line in lines)]
    regions = [text for text in texts if text.startswith("REGION")]
    styles = [text for text in texts if text.startswith("STYLE")]
    return (*regions, *(style for style in styles if not _FETCHES.search(style)))
