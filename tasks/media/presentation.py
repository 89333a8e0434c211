"""Holds a finished stream's playlists against its plan, as a player would read them.

Read with the m3u8 library, not with our own writer's ideas, before a job may be called complete.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import floor
from pathlib import PurePosixPath

import m3u8

from tasks.media.plan import MASTER, Plan, playlist_name
from tasks.media.tracks import is_sound

# AAC frames last 21 ms: audio ends on the nearest.
_AUDIO_TOLERANCE_SECONDS = 0.02
# A playlist says its times to the microsecond.
_TRACK_TOLERANCE_SECONDS = 0.001


def check_presentation(
    playlists: Mapping[str, str],
    sizes: Mapping[str, int],
    plan: Plan,
    *,
    frames: int | None = None,
) -> list[str]:
    """What is wrong with a stream, one sentence each; nothing if all is well.

    `playlists` are texts by name ("master.m3u8", "720p/playlist.m3u8"), `sizes` the bytes of every
    other file; `frames` is the true count where the source ended a little early.
    """
    return list(_problems(playlists, sizes, plan, plan.frames if frames is None else frames))


def _problems(
    playlists: Mapping[str, str], sizes: Mapping[str, int], plan: Plan, frames: int
) -> Iterator[str]:
    if MASTER not in playlists:
        yield f"There is no {MASTER}."
        return
    master = m3u8.loads(playlists[MASTER])
    if not master.is_variant or not master.playlists:
        yield f"{MASTER} lists no variants."
        return
    yield from _check_master(master, playlists, plan)
    seconds = frames / float(plan.rate) if plan.frames else plan.duration
    for name, text in playlists.items():
        if name != MASTER:
            yield from _check_media(name, m3u8.loads(text), sizes, plan, seconds)


def _check_master(master: m3u8.M3U8, playlists: Mapping[str, str], plan: Plan) -> Iterator[str]:
    wanted = {playlist_name(rung.name) for rung in plan.rungs}
    # Tracks that could not be encoded are left out of the job's renditions, and said.
    if plan.audio and any(is_sound(PurePosixPath(name).parts[0]) for name in playlists):
        wanted |= {name for name in playlists if is_sound(PurePosixPath(name).parts[0])}
    elif plan.audio:
        wanted.add(playlist_name(plan.audio.name))
    listed = {entry.uri for entry in (*master.playlists, *master.media) if entry.uri}
    frames_only = {entry.uri for entry in master.iframe_playlists}
    for missing in sorted(wanted - listed):
        yield f"{MASTER} does not list {missing}."
    for unknown in sorted((listed | frames_only) - set(playlists)):
        yield f"{MASTER} lists {unknown}, which there is not."
    if not master.is_independent_segments:
        yield f"{MASTER} does not say that segments are independent."
    groups = {entry.group_id for entry in master.media if entry.type == "AUDIO"}
    for entry in master.playlists:
        info = entry.stream_info
        if not info.codecs or not info.bandwidth or not info.average_bandwidth:
            yield f"{entry.uri} lacks CODECS, BANDWIDTH or AVERAGE-BANDWIDTH."
        elif info.bandwidth < info.average_bandwidth:
            yield f"{entry.uri} claims a peak bandwidth below its average."
        if plan.rungs and (not info.resolution or not info.frame_rate):
            yield f"{entry.uri} lacks RESOLUTION or FRAME-RATE."
        if plan.rungs and plan.audio and info.audio not in groups:
            yield f"{entry.uri} has no audio group."
    yield from _check_named([e for e in master.media if e.type == "AUDIO"], "sound")
    yield from _check_tracks(master)


def check_subtitles(
    master_text: str, playlists: Mapping[str, str], sizes: Mapping[str, int], seconds: float
) -> list[str]:
    """What is wrong with the subtitle tracks that a master lists, one sentence each.

    `playlists` are those of the tracks by name ("subtitles/de-1/playlist.m3u8"), `sizes` the bytes
    of their other files, `seconds` the film's length.
    """
    master = m3u8.loads(master_text)
    problems = list(_check_tracks(master))
    for entry in master.media:
        if entry.type != "SUBTITLES" or not entry.uri:
            continue
        if entry.uri not in playlists:
            problems.append(f"{MASTER} lists {entry.uri}, which there is not.")
            continue
        playlist = m3u8.loads(playlists[entry.uri])
        problems += _check_files(entry.uri, playlist, sizes)
        problems += _check_length(entry.uri, playlist, seconds, _TRACK_TOLERANCE_SECONDS)
    return problems


def _check_tracks(master: m3u8.M3U8) -> Iterator[str]:
    tracks = [entry for entry in master.media if entry.type == "SUBTITLES"]
    groups = {entry.group_id for entry in tracks}
    for entry in master.playlists:
        named = entry.stream_info.subtitles
        if named and named not in groups:
            yield f"{entry.uri} names the subtitle group {named}, which there is not."
        if groups and not named:
            yield f"{entry.uri} has no subtitle group."
    yield from _check_named(tracks, "subtitle")


def _check_named(tracks: Sequence[m3u8.Media], kind: str) -> Iterator[str]:
    for entry in tracks:
        if not entry.uri or not entry.language or not entry.name:
            yield f"The {kind} track {entry.name or entry.uri} lacks NAME, LANGUAGE or URI."
    names = [(entry.group_id, entry.name) for entry in tracks]
    if len(set(names)) != len(names):
        yield f"Two {kind} tracks have the same name."


def _check_media(
    name: str, playlist: m3u8.M3U8, sizes: Mapping[str, int], plan: Plan, seconds: float
) -> Iterator[str]:
    yield from _check_files(name, playlist, sizes)
    is_audio = is_sound(PurePosixPath(name).parts[0])
    tolerance = 0.5 / float(plan.rate) if not is_audio else _AUDIO_TOLERANCE_SECONDS
    if PurePosixPath(name).parts[0] == "subtitles":
        tolerance = _TRACK_TOLERANCE_SECONDS
    yield from _check_length(name, playlist, seconds, tolerance)


def _check_length(
    name: str, playlist: m3u8.M3U8, seconds: float, tolerance: float
) -> Iterator[str]:
    total = sum(segment.duration for segment in playlist.segments)
    if playlist.segments and abs(total - seconds) > tolerance:
        yield f"{name} lasts {total:.3f} seconds, and {seconds:.3f} are right."


def _check_files(name: str, playlist: m3u8.M3U8, sizes: Mapping[str, int]) -> Iterator[str]:
    folder = PurePosixPath(name).parent
    if not playlist.segments:
        yield f"{name} has no segments."
        return
    if not playlist.is_endlist:
        yield f"{name} has no end."
    for section in playlist.segment_map:
        if str(folder / section.uri) not in sizes:
            yield f"{name} names {section.uri}, which there is not."
    for segment in playlist.segments:
        size = sizes.get(str(folder / segment.uri))
        if size is None:
            yield f"{name} names {segment.uri}, which there is not."
        elif segment.byterange:
            length, _, offset = segment.byterange.partition("@")
            if int(offset) + int(length) > size:
                yield f"{name} names bytes beyond the end of {segment.uri}."
        elif size == 0:
            yield f"{segment.uri} of {name} is empty."
    uris = [segment.uri for segment in playlist.segments]
    if len(set(uris)) != len(uris):
        yield f"{name} names a segment twice."
    longest = max(segment.duration for segment in playlist.segments)
    if floor(longest + 0.5) > playlist.target_duration:
        yield f"{name} has a segment longer than its target duration."
