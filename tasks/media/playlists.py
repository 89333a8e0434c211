"""HLS playlists, as text, to RFC 8216 and Apple's HLS authoring specification."""

import re
from collections.abc import Iterable, Mapping, Sequence
from math import ceil, floor
from pathlib import PurePosixPath

from tasks.media.ladder import Rung
from tasks.media.language import UNKNOWN, tag
from tasks.media.plan import (
    GROWING,
    IFRAMES,
    INIT,
    MASTER,
    PLAYLIST,
    Plan,
    growing_name,
    iframes_name,
    playlist_name,
)
from tasks.media.segments import RenditionOutput
from tasks.media.source import Value
from tasks.media.tracks import AudioPlan, names

VERSION = 7
# Apple wants the variant that a player starts with near 2 Mbit/s; the first listed is that one.
_START_MAXRATE = 4_000_000
_AUDIO_GROUP = "audio"
_SUBTITLE_GROUP = "subtitles"
_STREAM = "#EXT-X-STREAM-INF:"
_FOR_THE_DEAF = (
    "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"
)
_DESCRIBES_VIDEO = "public.accessibility.describes-video"


class SubtitleTrack(Value):
    """A subtitle rendition: its playlist's name relative to the master, and how it is offered."""

    name: str  # as a person reads it: "English"
    language: str
    uri: str
    default: bool = False
    forced: bool = False
    hearing_impaired: bool = False


def rendition_playlist(rendition: RenditionOutput, *, longest: float | None = None) -> str:
    """A rendition's playlist. ``longest``: seconds of the longest segment of all that will be, in
    a playlist that is not complete, to which players come back for more."""
    complete = longest is None
    longest = longest or max((segment.duration for segment in rendition.segments), default=1.0)
    lines = [
        *_head(longest),
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if complete else 'EVENT'}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f'#EXT-X-MAP:URI="{INIT}"',
    ]
    for segment in rendition.segments:
        lines += [f"#EXTINF:{segment.duration:.6f},", _file(segment.name)]
    return _text(lines, complete)


def iframe_playlist(rendition: RenditionOutput) -> str:
    """The playlist of a rendition's I-frames, for fast seeking and trick play."""
    frames = [(segment.name, frame) for segment in rendition.segments for frame in segment.iframes]
    longest = max((frame.duration for _, frame in frames), default=1.0)
    lines = [
        *_head(longest),
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-I-FRAMES-ONLY",
        f'#EXT-X-MAP:URI="{INIT}"',
    ]
    for name, frame in frames:
        lines += [
            f"#EXTINF:{frame.duration:.6f},",
            f"#EXT-X-BYTERANGE:{frame.length}@{frame.offset}",
            _file(name),
        ]
    return _text(lines, complete=True)


def master_playlist(
    plan: Plan,
    renditions: Sequence[RenditionOutput],
    subtitles: Sequence[SubtitleTrack] = (),
) -> str:
    """The master (multivariant) playlist over the renditions that there are."""
    by_name = {rendition.name: rendition for rendition in renditions}
    sounds = [track for track in plan.sounds if track.name in by_name]
    audio = [by_name[track.name] for track in sounds]
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    rungs = [rung for rung in plan.rungs if rung.name in by_name]
    if rungs or len(sounds) > 1:
        lines += _audio_media(sounds)
    for rung in _start_first(rungs):
        lines += _variant(plan, rung, by_name[rung.name], audio)
    if audio and not rungs:
        group = {"AUDIO": f'"{_AUDIO_GROUP}"'} if len(audio) > 1 else {}
        attributes = _attributes(_bitrates((), audio), CODECS=f'"{audio[0].codecs}"', **group)
        lines += [f"{_STREAM}{attributes}", playlist_name(audio[0].name)]
    for rung in rungs:
        if any(segment.iframes for segment in by_name[rung.name].segments):
            lines.append(_iframe_variant(rung, by_name[rung.name]))
    return with_subtitles("\n".join(lines) + "\n", subtitles)


def growing_master(plan: Plan, renditions: Sequence[RenditionOutput]) -> str:
    """The master playlist while a stream is being made, over the playlists that grow.

    ``renditions`` have at least their first segments. Bandwidths are the most that the encoder may
    use, because nobody knows yet what it will use.
    """
    by_name = {rendition.name: rendition for rendition in renditions}
    sounds = [track for track in plan.sounds if track.name in by_name]
    audio = [by_name[track.name] for track in sounds]
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if audio and (plan.rungs or len(audio) > 1):
        lines += _audio_media(sounds, GROWING)
    for rung in _start_first([rung for rung in plan.rungs if rung.name in by_name]):
        declared = _declared(plan, rung)
        lines += _variant(plan, rung, by_name[rung.name], audio, declared, GROWING)
    if audio and not plan.rungs:
        group = {"AUDIO": f'"{_AUDIO_GROUP}"'} if len(audio) > 1 else {}
        attributes = _attributes(_declared(plan, None), CODECS=f'"{audio[0].codecs}"', **group)
        lines += [f"{_STREAM}{attributes}", growing_name(audio[0].name)]
    return "\n".join(lines) + "\n"


def with_subtitles(master_text: str, tracks: Sequence[SubtitleTrack]) -> str:
    """A master playlist that offers these subtitle tracks, and no others that it had before.

    Nothing else of the text is touched, so it needs to know nothing of how the stream was made.
    """
    lines = [_without_group(line) for line in master_text.splitlines() if not _is_track(line)]
    if not tracks:
        return "\n".join(lines) + "\n"
    streams = [n for n, line in enumerate(lines) if line.startswith(_STREAM)]
    for number in streams:
        lines[number] = _with_group(lines[number])
    place = streams[0] if streams else len(lines)
    lines[place:place] = [_subtitle_media(track) for track in _named_apart(tracks)]
    return "\n".join(lines) + "\n"


def below(master_text: str, folder: str) -> str:
    """A master playlist as it reads one folder above: every URI that it names begins with
    ``folder``. An empty ``folder`` changes nothing."""
    if not folder:
        return master_text
    lines = [
        re.sub(r'\bURI="', f'URI="{folder}/', line)
        if line.startswith("#") or not line
        else f"{folder}/{line}"
        for line in master_text.splitlines()
    ]
    return "\n".join(lines) + "\n"


def subtitle_playlist(segments: Sequence[tuple[str, float]]) -> str:
    """The playlist of a subtitle track's segments (name, seconds)."""
    # Segments are as long as they are wanted, but a playlist's target may not be below any.
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{max(1, ceil(max(seconds for _, seconds in segments)))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
    ]
    for name, seconds in segments:
        lines += [f"#EXTINF:{seconds:.6f},", name]
    return _text(lines, complete=True)


def all_playlists(
    plan: Plan,
    renditions: Sequence[RenditionOutput],
    subtitles: Sequence[SubtitleTrack] = (),
) -> dict[str, str]:
    """Every playlist of a finished stream by its name, "720p/playlist.m3u8"; the master last."""
    texts = {}
    for rendition in renditions:
        texts[playlist_name(rendition.name)] = rendition_playlist(rendition)
        if any(segment.iframes for segment in rendition.segments):
            texts[iframes_name(rendition.name)] = iframe_playlist(rendition)
    texts[MASTER] = master_playlist(plan, renditions, subtitles)
    return texts


def peak_bandwidth(sizes: Sequence[tuple[int, float]]) -> int:
    """Peak bits a second of segments (bytes, seconds).

    RFC 8216, 4.1: the largest of any run of segments between half and one and a half times the
    target duration, so that a last segment of a few frames does not count by itself.
    """
    target = max(duration for _, duration in sizes)
    peak = 0.0
    for start in range(len(sizes)):
        size, length = 0, 0.0
        for more, duration in sizes[start:]:
            size, length = size + more, length + duration
            if length > 1.5 * target:
                break
            if length >= 0.5 * target:
                peak = max(peak, size * 8 / length)
    return round(peak)


def _head(longest: float) -> list[str]:
    return [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{max(1, floor(longest + 0.5))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
    ]


def _text(lines: list[str], complete: bool) -> str:
    return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if complete else [])]) + "\n"


def _file(name: str) -> str:
    return PurePosixPath(name).name


def _variant(
    plan: Plan,
    rung: Rung,
    video: RenditionOutput,
    audio: Sequence[RenditionOutput],
    bitrates: Mapping[str, str] | None = None,
    file: str = PLAYLIST,
) -> list[str]:
    codecs = dict.fromkeys([video.codecs, *(track.codecs for track in audio)])
    attributes = _attributes(
        bitrates or _bitrates([video], audio),
        CODECS=f'"{",".join(codecs)}"',
        RESOLUTION=f"{rung.width}x{rung.height}",
        **{"FRAME-RATE": f"{float(plan.rate):.3f}", "VIDEO-RANGE": "SDR"},
        **({"AUDIO": f'"{_AUDIO_GROUP}"'} if audio else {}),
        **{"CLOSED-CAPTIONS": "NONE"},
    )
    return [f"{_STREAM}{attributes}", f"{rung.name}/{file}"]


def _declared(plan: Plan, rung: Rung | None) -> dict[str, str]:
    """The most bits a second that a variant can have: what fills the encoder's buffer comes on
    top of its rate once in a segment."""
    sound = max((track.bitrate for track in plan.sounds), default=0)
    rate = rung.maxrate if rung is not None else 0
    buffer = round(rung.bufsize / plan.segment_seconds) if rung is not None else 0
    return {
        "BANDWIDTH": str(rate + buffer + sound),
        "AVERAGE-BANDWIDTH": str(rate + sound),
    }


def _iframe_variant(rung: Rung, video: RenditionOutput) -> str:
    frames = [(i.length, i.duration) for segment in video.segments for i in segment.iframes]
    average = sum(length for length, _ in frames) * 8 / sum(duration for _, duration in frames)
    attributes = _attributes(
        {"BANDWIDTH": str(peak_bandwidth(frames)), "AVERAGE-BANDWIDTH": str(round(average))},
        CODECS=f'"{video.codecs}"',
        RESOLUTION=f"{rung.width}x{rung.height}",
        **{"VIDEO-RANGE": "SDR", "URI": f'"{rung.name}/{IFRAMES}"'},
    )
    return f"#EXT-X-I-FRAME-STREAM-INF:{attributes}"


def _audio_media(sounds: Sequence[AudioPlan], file: str = PLAYLIST) -> list[str]:
    """The sound tracks of one group, the first of which plays by itself."""
    return [
        "#EXT-X-MEDIA:"
        + _attributes(
            {"TYPE": "AUDIO", "GROUP-ID": f'"{_AUDIO_GROUP}"', "NAME": _quoted(name)},
            LANGUAGE=_quoted(track.tag),
            DEFAULT="NO" if number else "YES",
            # A player must not choose a commentary by its language alone.
            AUTOSELECT="NO" if number and track.commentary else "YES",
            **({"CHARACTERISTICS": f'"{_DESCRIBES_VIDEO}"'} if track.described else {}),
            CHANNELS=f'"{track.channels}"',
            URI=f'"{track.name}/{file}"',
        )
        for number, (track, name) in enumerate(zip(sounds, names(sounds), strict=True))
    ]


def _is_track(line: str) -> bool:
    return line.startswith("#EXT-X-MEDIA:TYPE=SUBTITLES,")


def _without_group(line: str) -> str:
    return re.sub(r',SUBTITLES="[^"]*"', "", line) if line.startswith(_STREAM) else line


def _with_group(line: str) -> str:
    return f'{line},SUBTITLES="{_SUBTITLE_GROUP}"'


def _named_apart(tracks: Iterable[SubtitleTrack]) -> Iterable[SubtitleTrack]:
    """Names must differ within a group: a second "Deutsch" becomes "Deutsch 2"."""
    used: set[str] = set()
    for track in tracks:
        name, number = track.name, 1
        while _quoted(name) in used:
            number += 1
            name = f"{track.name} {number}"
        used.add(_quoted(name))
        yield track.model_copy(update={"name": name})


def _subtitle_media(track: SubtitleTrack) -> str:
    attributes = _attributes(
        {"TYPE": "SUBTITLES", "GROUP-ID": f'"{_SUBTITLE_GROUP}"', "NAME": _quoted(track.name)},
        LANGUAGE=_quoted(tag(track.language) or UNKNOWN),
        DEFAULT="YES" if track.default else "NO",
        AUTOSELECT="YES",
        FORCED="YES" if track.forced else "NO",
        **({"CHARACTERISTICS": f'"{_FOR_THE_DEAF}"'} if track.hearing_impaired else {}),
        URI=_quoted(track.uri),
    )
    return f"#EXT-X-MEDIA:{attributes}"


def _start_first(rungs: Sequence[Rung]) -> list[Rung]:
    start = next((rung for rung in rungs if rung.maxrate <= _START_MAXRATE), None)
    return sorted(rungs, key=lambda rung: rung is not start)


def _bitrates(video: Sequence[RenditionOutput], audio: Sequence[RenditionOutput]) -> dict[str, str]:
    """Peak and average of what plays at the same time: pictures, and the largest of the tracks."""
    peaks = [_peak(part) for part in video]
    averages = [_average(part) for part in video]
    if audio:
        peaks.append(max(_peak(part) for part in audio))
        averages.append(max(_average(part) for part in audio))
    peak, average = sum(peaks), round(sum(averages))
    # Rounding each part's peak could leave their sum a bit below the average of a constant rate.
    return {"BANDWIDTH": str(max(peak, average)), "AVERAGE-BANDWIDTH": str(average)}


def _peak(part: RenditionOutput) -> int:
    return peak_bandwidth([(segment.size, segment.duration) for segment in part.segments])


def _average(part: RenditionOutput) -> float:
    return sum(segment.size for segment in part.segments) * 8 / part.duration


def _attributes(first: Mapping[str, str], **more: str) -> str:
    return ",".join(f"{key}={value}" for key, value in {**first, **more}.items())


def _quoted(text: str) -> str:
    # An attribute's string can hold neither quotes nor line ends, and has no escapes.
    return '"' + " ".join(text.replace('"', "'").split()) + '"'
