"""Tracks as segments: what is in each, on which clock, and what the playlists say of them."""

import re

import m3u8
import pytest

from tasks.errors import BadInput
from tasks.media.commands import CLOCK_OFFSET_SECONDS
from tasks.media.playlists import SubtitleTrack, subtitle_playlist, with_subtitles
from tasks.media.presentation import check_subtitles
from tasks.subtitles.cues import Cue, Track
from tasks.subtitles.segments import SEGMENT_SECONDS, WHOLE, files

TRACK = Track(
    (
        Cue(0, 2000, "first"),
        Cue(58_500, 61_250, "over the seam", "line:0"),
        Cue(60_000, 62_000, "right at it"),
        Cue(119_000, 120_000, "up to it"),
        Cue(125_000, 130_500, "last"),
    ),
    ("STYLE\n::cue { color: red }",),
)
MASTER = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Audio",DEFAULT=YES,URI="audio/playlist.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2,AVERAGE-BANDWIDTH=1,CODECS="avc1,mp4a",AUDIO="audio"
720p/playlist.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2,AVERAGE-BANDWIDTH=1,CODECS="avc1,mp4a",AUDIO="audio"
360p/playlist.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="720p/iframes.m3u8"
"""


def texts_of(vtt: str) -> list[str]:
    return [block.split("\n")[1] for block in vtt.split("\n\n") if "-->" in block]


def test_a_cue_is_in_every_segment_in_which_it_is_shown() -> None:
    made = files(TRACK, 130.5)
    assert list(made) == [WHOLE, *(f"seg_0000{n}.vtt" for n in range(3)), "playlist.m3u8"]
    assert texts_of(made["seg_00000.vtt"]) == ["first", "over the seam"]
    assert texts_of(made["seg_00001.vtt"]) == ["over the seam", "right at it", "up to it"]
    assert texts_of(made["seg_00002.vtt"]) == ["last"]
    assert texts_of(made[WHOLE]) == [cue.text for cue in TRACK.cues]


@pytest.mark.parametrize(
    "track",
    [
        Track(tuple(Cue(0, 7_200_000, "x") for _ in range(20_000))),
        Track((Cue(0, 1000, "x"),), ("STYLE\n" + "x" * 500_000,)),
    ],
)
def test_a_track_that_would_fill_every_segment_is_refused(track: Track) -> None:
    with pytest.raises(BadInput, match="more than 50,000,000 characters"):
        files(track, 7200.0)


def test_a_cue_keeps_its_times_and_settings_in_every_segment() -> None:
    made = files(TRACK, 130.5)
    for name in ("seg_00000.vtt", "seg_00001.vtt", WHOLE):
        assert "\n\n00:00:58.500 --> 00:01:01.250 line:0\nover the seam\n" in made[name]
        assert made[name].count("STYLE\n::cue { color: red }\n\n") == 1


def test_segments_are_on_the_clock_of_pictures_and_sound() -> None:
    made = files(TRACK, 130.5)
    for number in range(3):
        head = made[f"seg_0000{number}.vtt"].split("\n")
        assert head[0] == "WEBVTT"
        found = re.fullmatch(r"X-TIMESTAMP-MAP=MPEGTS:(\d+),LOCAL:00:00:00\.000", head[1])
        assert found is not None
        assert int(found[1]) == CLOCK_OFFSET_SECONDS * 90_000 == 900_000
    # A program that takes the whole file knows nothing of that clock.
    assert "X-TIMESTAMP-MAP" not in made[WHOLE]


@pytest.mark.parametrize("seconds", [0.04, 12.3, 60.0, 60.04, 5400.123456])
def test_the_playlist_lasts_as_long_as_the_film(seconds: float) -> None:
    made = files(TRACK, seconds)
    playlist = m3u8.loads(made["playlist.m3u8"])
    assert playlist.is_endlist
    assert playlist.playlist_type == "vod"
    assert sum(s.duration for s in playlist.segments) == pytest.approx(seconds, abs=0.0005)
    assert [s.uri for s in playlist.segments] == [name for name in made if name.startswith("seg_")]
    assert max(s.duration for s in playlist.segments) <= playlist.target_duration
    assert playlist.target_duration <= SEGMENT_SECONDS


def track(name: str = "Deutsch", language: str = "de", folder: str = "de-1") -> SubtitleTrack:
    return SubtitleTrack(name=name, language=language, uri=f"subtitles/{folder}/playlist.m3u8")


def test_a_master_lists_its_tracks_and_every_variant_names_their_group() -> None:
    text = with_subtitles(MASTER, [track(), track("Português (Brasil)", "pt-BR", "pt-BR-2")])
    master = m3u8.loads(text)
    tracks = [entry for entry in master.media if entry.type == "SUBTITLES"]
    assert [(t.name, t.language, t.default, t.autoselect) for t in tracks] == [
        ("Deutsch", "de", "NO", "YES"),
        ("Português (Brasil)", "pt-BR", "NO", "YES"),
    ]
    assert {p.stream_info.subtitles for p in master.playlists} == {tracks[0].group_id}
    assert [p.uri for p in master.playlists] == ["720p/playlist.m3u8", "360p/playlist.m3u8"]
    assert text.splitlines()[-1] == MASTER.splitlines()[-1]


def test_a_master_is_brought_up_to_date_from_its_own_text() -> None:
    once = with_subtitles(MASTER, [track(), track("English", "en", "en-1")])
    assert with_subtitles(once, [track("Svenska", "sv", "sv-1")]) == with_subtitles(
        MASTER, [track("Svenska", "sv", "sv-1")]
    )
    assert with_subtitles(once, [track(), track("English", "en", "en-1")]) == once
    assert with_subtitles(once, []) == MASTER == with_subtitles(MASTER, [])


def test_names_in_a_group_differ_and_cannot_break_out() -> None:
    text = with_subtitles(MASTER, [track(), track(folder="de-2"), track('A",URI="x\n#EXT', "de")])
    names = [entry.name for entry in m3u8.loads(text).media if entry.type == "SUBTITLES"]
    assert names == ["Deutsch", "Deutsch 2", "A',URI='x #EXT"]


def presentation() -> tuple[str, dict[str, str], dict[str, int]]:
    made = files(TRACK, 130.5)
    folder = "subtitles/de-1/"
    sizes = {folder + name: len(text) for name, text in made.items() if name != "playlist.m3u8"}
    master = with_subtitles(MASTER, [track()])
    return master, {folder + "playlist.m3u8": made["playlist.m3u8"]}, sizes


def test_a_sound_presentation_has_no_problems() -> None:
    assert check_subtitles(*presentation(), 130.5) == []


def test_what_is_wrong_with_tracks_is_said() -> None:
    master, playlists, sizes = presentation()
    name = "subtitles/de-1/playlist.m3u8"
    assert "lasts 130.500 seconds, and 140.000 are right" in " ".join(
        check_subtitles(master, playlists, sizes, 140.0)
    )
    assert check_subtitles(master, {}, sizes, 130.5) == [
        f"master.m3u8 lists {name}, which there is not."
    ]
    fewer = {key: size for key, size in sizes.items() if "00001" not in key}
    assert check_subtitles(master, playlists, fewer, 130.5) == [
        f"{name} names seg_00001.vtt, which there is not."
    ]
    forgotten = master.replace(',SUBTITLES="subtitles"', "", 1)
    assert check_subtitles(forgotten, playlists, sizes, 130.5) == [
        "720p/playlist.m3u8 has no subtitle group."
    ]
    unknown = MASTER.replace('AUDIO="audio"\n720', 'AUDIO="audio",SUBTITLES="x"\n720')
    assert check_subtitles(unknown, {}, {}, 130.5) == [
        "720p/playlist.m3u8 names the subtitle group x, which there is not."
    ]
    open_ended = {name: subtitle_playlist([("seg_00000.vtt", 130.5)]).replace("#EXT-X-ENDLIST", "")}
    assert f"{name} has no end." in check_subtitles(master, open_ended, sizes, 130.5)
