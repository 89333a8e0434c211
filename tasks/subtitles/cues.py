"""What a subtitle track says and when: plain values. Times are milliseconds of the film."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Cue:
    """A text shown from ``start`` until ``end``; ``text`` is WebVTT cue text, ``settings`` WebVTT
    cue settings ("line:0 align:start")."""

    start: int
    end: int
    text: str
    settings: str = ""


@dataclass(frozen=True)
class Track:
    """Cues by their start, and the blocks (styles, regions) that must come before them."""

    cues: tuple[Cue, ...]
    head: tuple[str, ...] = ()


def shifted(track: Track, milliseconds: int) -> Track:
    """The track earlier (negative) or later; what would end before the film begins is left out."""
    moved = (
        replace(cue, start=max(0, cue.start + milliseconds), end=cue.end + milliseconds)
        for cue in track.cues
    )
    return replace(track, cues=tuple(cue for cue in moved if cue.end > 0))


def within(track: Track, duration: int) -> Track:
    """The track cut off at the film's end."""
    kept = (replace(cue, end=min(cue.end, duration)) for cue in track.cues if cue.start < duration)
    return replace(track, cues=tuple(kept))
