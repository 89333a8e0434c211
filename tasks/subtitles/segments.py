"""A track as players fetch it: WebVTT segments and their playlist, and the whole as one file."""

from collections.abc import Iterator
from math import ceil

from tasks.errors import BadInput
from tasks.media.commands import CLOCK_OFFSET_SECONDS
from tasks.media.plan import PLAYLIST
from tasks.media.playlists import subtitle_playlist
from tasks.subtitles.cues import Cue, Track

#: Text is small: a minute of it is a kilobyte or two, so longer segments than those of the video
#: save requests. Apple allows subtitles a target duration of their own.
SEGMENT_SECONDS = 60
SEGMENT_PATTERN = "seg_%05d.vtt"
#: Characters that all segments of a track may have: a file of 10 MB whose cues are shown all the
#: time would be written into each segment of a film.
MOST_CHARACTERS = 50_000_000
#: The whole track, for programs that want one file.
WHOLE = "subtitles.vtt"

_TIMES_LENGTH = len("00:00:00.000 --> 00:00:00.000")
#: Cue times count from the film's beginning, which pictures and sound have at ten seconds.
_TIMESTAMP_MAP = f"X-TIMESTAMP-MAP=MPEGTS:{CLOCK_OFFSET_SECONDS * 90_000},LOCAL:00:00:00.000"


def files(track: Track, seconds: float) -> dict[str, str]:
    """Name → text of everything that a film of so many seconds needs of a track; the playlist,
    which names the others, comes last.

    Raises BadInput where the segments would be far larger than the track.
    """
    texts = {WHOLE: whole(track)}
    stretches = list(_stretches(seconds))
    inside = _by_segment(track, len(stretches))
    durations = []
    for number, (start, end) in enumerate(stretches):
        texts[SEGMENT_PATTERN % number] = _file(track.head, inside[number], _TIMESTAMP_MAP)
        durations.append((SEGMENT_PATTERN % number, end - start))
    texts[PLAYLIST] = subtitle_playlist(durations)
    return texts


def _by_segment(track: Track, count: int) -> list[list[Cue]]:
    """The cues of each segment: one that is shown across a seam is in both."""
    inside: list[list[Cue]] = [[] for _ in range(count)]
    size = count * sum(map(len, track.head))
    length = SEGMENT_SECONDS * 1000
    for cue in track.cues:
        # Up to the last segment that begins before the cue ends.
        numbers = range(cue.start // length, min(count, -(-cue.end // length)))
        size += len(numbers) * (len(cue.text) + len(cue.settings) + _TIMES_LENGTH)
        if size > MOST_CHARACTERS:
            raise BadInput(
                "The cues are shown for so long, or their styles are so large, that the segments of"
                f" the stream would have more than {MOST_CHARACTERS:,} characters."
            )
        for number in numbers:
            inside[number].append(cue)
    return inside


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
