"""Playlists say what a player needs to know, and the check finds what is wrong with them."""

from collections.abc import Callable

import m3u8
import pytest

from tasks.media.plan import Plan, make_plan
from tasks.media.playlists import (
    SubtitleTrack,
    all_playlists,
    iframe_playlist,
    master_playlist,
    peak_bandwidth,
    rendition_playlist,
)
from tasks.media.presentation import check_presentation
from tasks.media.segments import RenditionOutput
from tests.media.values import audio_info, rendition, source_info

NAMES = ("1080p", "720p", "480p", "360p")
SIZES = (600_000, 300_000, 150_000, 90_000)


@pytest.fixture
def plan() -> Plan:
    return make_plan(source_info(audio_info(), rate="24000/1001", frames=500))


@pytest.fixture
def renditions(plan: Plan) -> list[RenditionOutput]:
    videos = [rendition(plan, name, size) for name, size in zip(NAMES, SIZES, strict=True)]
    return [*videos, rendition(plan, "audio", 96_000)]


def sizes_of(renditions: list[RenditionOutput]) -> dict[str, int]:
    sizes = {segment.name: segment.size for r in renditions for segment in r.segments}
    return {**sizes, **{r.init_name: 800 for r in renditions}}


def test_a_rendition_playlist(plan: Plan) -> None:
    text = rendition_playlist(rendition(plan, "720p"))

    assert text.splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:6",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-MAP:URI="init.mp4"',
        "#EXTINF:6.006000,",
        "seg_00000.m4s",
        "#EXTINF:6.006000,",
        "seg_00001.m4s",
        "#EXTINF:6.006000,",
        "seg_00002.m4s",
        "#EXTINF:2.836167,",
        "seg_00003.m4s",
        "#EXT-X-ENDLIST",
    ]


def test_a_playlist_that_still_grows_has_no_end(plan: Plan) -> None:
    playlist = m3u8.loads(rendition_playlist(rendition(plan, "720p"), longest=6.4))

    assert playlist.playlist_type == "event"
    assert not playlist.is_endlist


def test_an_iframe_playlist_points_into_the_segments(plan: Plan) -> None:
    playlist = m3u8.loads(iframe_playlist(rendition(plan, "720p")))

    assert playlist.is_i_frames_only
    assert [s.byterange for s in playlist.segments] == ["9000@76"] * 4
    assert sum(s.duration for s in playlist.segments) == pytest.approx(plan.duration)


def test_the_master_describes_every_variant(plan: Plan, renditions: list[RenditionOutput]) -> None:
    master = m3u8.loads(master_playlist(plan, renditions))

    assert master.version == 7
    assert master.is_independent_segments
    # The one to start with is first, near 2 Mbit/s; then from high to low.
    assert [entry.uri for entry in master.playlists] == [
        f"{name}/playlist.m3u8" for name in ("720p", "1080p", "480p", "360p")
    ]
    info = master.playlists[1].stream_info
    assert info.resolution == (1920, 1080)
    assert info.frame_rate == 23.976
    assert info.codecs == "avc1.640028,mp4a.40.2"
    assert info.audio == "audio"
    assert info.closed_captions == "NONE"
    assert info.video_range == "SDR"
    assert info.bandwidth == pytest.approx((600_000 + 96_000) * 8 / 6.006, rel=1e-5)
    assert info.average_bandwidth <= info.bandwidth
    (audio,) = master.media
    assert (audio.type, audio.group_id, audio.language, audio.default, audio.channels) == (
        "AUDIO",
        "audio",
        "en",
        "YES",
        "2",
    )
    assert [entry.uri for entry in master.iframe_playlists] == [f"{n}/iframes.m3u8" for n in NAMES]
    frames = master.iframe_playlists[0].iframe_stream_info
    # The last two of the I-frames, of which one stands for a short segment.
    assert frames.bandwidth == round(2 * 9_000 * 8 / (6.006 + 500 / (24000 / 1001) % 6.006))
    assert (frames.codecs, frames.resolution) == ("avc1.640028", (1920, 1080))


def test_subtitles_have_a_group_of_their_own(plan: Plan, renditions: list[RenditionOutput]) -> None:
    track = SubtitleTrack(name='Deu "tsch"', language="ger", uri="subtitles/de/playlist.m3u8")

    master = m3u8.loads(master_playlist(plan, renditions, [track]))

    (subtitles,) = [entry for entry in master.media if entry.type == "SUBTITLES"]
    assert (subtitles.group_id, subtitles.name, subtitles.language) == (
        "subtitles",
        "Deu 'tsch'",
        "de",
    )
    assert all(entry.stream_info.subtitles == "subtitles" for entry in master.playlists)


def test_a_master_may_come_before_all_renditions_are_there(
    plan: Plan, renditions: list[RenditionOutput]
) -> None:
    master = m3u8.loads(master_playlist(plan, renditions[2:]))

    assert [entry.uri for entry in master.playlists] == [
        "480p/playlist.m3u8",
        "360p/playlist.m3u8",
    ]


@pytest.mark.parametrize(
    ("sizes", "peak"),
    [
        ([(100, 1.0)], 800),
        ([(100, 6.0), (200, 6.0), (100, 6.0)], 267),
        ([(600, 6.0), (90, 0.1)], 905),  # a last crumb counts only with what is before it
        ([(600, 6.0), (900, 4.0)], 1800),
    ],
)
def test_peak_bandwidth(sizes: list[tuple[int, float]], peak: int) -> None:
    assert peak_bandwidth(sizes) == peak


def test_a_right_presentation_has_no_problems(
    plan: Plan, renditions: list[RenditionOutput]
) -> None:
    playlists = all_playlists(plan, renditions)

    assert list(playlists)[-1] == "master.m3u8"
    assert check_presentation(playlists, sizes_of(renditions), plan) == []


Spoil = Callable[[dict[str, str], dict[str, int]], None]


def replace(name: str, old: str, new: str) -> Spoil:
    def spoil(playlists: dict[str, str], sizes: dict[str, int]) -> None:
        assert old in playlists[name]
        playlists[name] = playlists[name].replace(old, new, 1)

    return spoil


def without(name: str) -> Spoil:
    def spoil(playlists: dict[str, str], sizes: dict[str, int]) -> None:
        playlists.pop(name, None)
        sizes.pop(name, None)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (without("master.m3u8"), "There is no master.m3u8."),
        (without("480p/seg_00002.m4s"), "480p/playlist.m3u8 names seg_00002.m4s, which there is"),
        (without("480p/init.mp4"), "480p/playlist.m3u8 names init.mp4, which there is not."),
        (without("480p/playlist.m3u8"), "master.m3u8 lists 480p/playlist.m3u8, which there is no"),
        (without("480p/iframes.m3u8"), "master.m3u8 lists 480p/iframes.m3u8, which there is not."),
        (
            replace("720p/playlist.m3u8", "#EXTINF:6.006000,\nseg_00001.m4s\n", ""),
            "720p/playlist.m3u8 lasts 14.848 seconds, and 20.854 are right.",
        ),
        (
            replace("720p/playlist.m3u8", "seg_00001", "seg_00000"),
            "720p/playlist.m3u8 names a segment twice.",
        ),
        (
            replace("audio/playlist.m3u8", "6.006000", "6.056000"),
            "audio/playlist.m3u8 lasts 20.904 seconds",
        ),
        (
            replace("720p/playlist.m3u8", "DURATION:6", "DURATION:5"),
            "720p/playlist.m3u8 has a segment longer than its target duration.",
        ),
        (replace("720p/playlist.m3u8", "#EXT-X-ENDLIST", ""), "720p/playlist.m3u8 has no end."),
        (replace("720p/iframes.m3u8", "9000@", "900000@"), "720p/iframes.m3u8 names bytes beyond"),
        (replace("master.m3u8", ",AVERAGE-BANDWIDTH=", ",X="), "720p/playlist.m3u8 lacks CODECS,"),
        (replace("master.m3u8", ",FRAME-RATE=", ",X="), "720p/playlist.m3u8 lacks RESOLUTION or"),
        (replace("master.m3u8", ',AUDIO="audio"', ""), "720p/playlist.m3u8 has no audio group."),
        (
            replace("master.m3u8", "360p/playlist", "240p/playlist"),
            "master.m3u8 does not list 360p",
        ),
        (
            replace("master.m3u8", "#EXT-X-INDEPENDENT-SEGMENTS", ""),
            "master.m3u8 does not say that",
        ),
    ],
)
def test_the_check_finds_what_is_wrong(
    plan: Plan, renditions: list[RenditionOutput], spoil: Spoil, problem: str
) -> None:
    playlists, sizes = all_playlists(plan, renditions), sizes_of(renditions)
    spoil(playlists, sizes)

    problems = check_presentation(playlists, sizes, plan)

    assert [found for found in problems if found.startswith(problem)], problems


def test_a_source_that_ended_early_is_held_to_its_true_length(
    plan: Plan, renditions: list[RenditionOutput]
) -> None:
    playlists, sizes = all_playlists(plan, renditions), sizes_of(renditions)

    assert check_presentation(playlists, sizes, plan, frames=500) == []
    assert check_presentation(playlists, sizes, plan, frames=490)
