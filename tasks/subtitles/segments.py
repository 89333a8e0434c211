"""A track as players fetch it: WebVTT segments and their playlist, and the whole as one file."""

from collections.abc import Iterator
from math import ceil

from tasks.media.commands import CLOCK_OFFSET_SECONDS
from tasks.media.plan import PLAYLIST
from tasks.media.playlists import subtitle_playlist
from tasks.subtitles.cues import Cue, Track

#: Text is small: a minute of it is a kilobyte or two, so longer segments than those of the video
#: save requests. Apple allows subtitles a target duration of their own.
SEGMENT_SECONDS = 60
SEGMENT_PATTERN = "seg_%05d.vtt"
#: The whole track, for programs that want one file.
WHOLE = "subtitles.vtt"

#: Cue times count from the film's beginning, which pictures and sound have at ten seconds.
_TIMESTAMP_MAP = f"X-TIMESTAMP-MAP=MPEGTS:{CLOCK_OFFSET_SECONDS * 90_000},LOCAL:00:00:00.000"


def files(track: Track, seconds: float) -> dict[str, str]:
    """Name → text of everything that a film of so many seconds needs of a track; the playlist,
    which names the others, comes last."""
    texts = {WHOLE: whole(track)}
    durations = []
    for number, (start, end) in enumerate(_stretches(seconds)):
        inside = [c for c in track.cues if c.start < end * 1000 and c.end > start * 1000]
        texts[SEGMENT_PATTERN % number] = _file(track.head, inside, _TIMESTAMP_MAP)
        durations.append((SEGMENT_PATTERN % number, end - start))
    texts[PLAYLIST] = subtitle_playlist(durations)
    return texts


def names(seconds: float) -> list[str]:
    """What `files` names, of any track of a film of so many seconds."""
    count = sum(1 for _ in _stretches(seconds))
    return [WHOLE, *(SEGMENT_PATTERN % number for number in range(count)), PLAYLIST]


def whole(track: Track) -> str:
    """A track as one WebVTT file."""
    return _file(track.head, track.cues)


def _stretches(seconds: float) -> Iterator[tuple[float, float]]:
    for number in range(max(1, ceil(seconds / SEGMENT_SECONDS))):
        start = number * SEGMENT_SECONDS
        yield float(start), min(float(start + SEGMENT_SECONDS), seconds)


def _file(head: tuple[str, ...], cues: list[Cue] | tuple[Cue, ...], first: str = "") -> str:
    blocks = ["\n".join(["WEBVTT", *([first] if first else [])]), *head]
    for cue in cues:
        times = f"{_clock(cue.start)} --> {_clock(cue.end)}"
        blocks.append(f"{times} {cue.settings}".rstrip() + "\n" + cue.text)
    return "\n\n".join(blocks) + "\n"


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{rest:03}"
