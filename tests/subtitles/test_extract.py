"""Text tracks out of containers: every codec, and on the film's clock whatever the container's."""

import struct
from pathlib import Path

import m3u8
import pytest

from tasks.errors import BadInput
from tasks.media.commands import subtitles_command
from tasks.media.playlists import with_subtitles
from tasks.media.probe import ProbeLimits, probe
from tasks.media.process import RunLimits, run
from tasks.media.tools import Tools
from tasks.models import Subtitle
from tasks.subtitles.cues import Cue
from tasks.subtitles.extracted import on_film_clock
from tasks.subtitles.parse import parse
from tasks.subtitles.tracks import track_of
from tests.media.clips import X264, ffmpeg

SRT = (
    "1\n00:00:00,500 --> 00:00:01,000\nTom & Jerry <i>here</i>\n\n"
    "2\n00:00:01,200 --> 00:00:01,900\nEnd\n"
)
CONTAINERS = [
    ("mp4", "mov_text", 0),
    ("mov", "mov_text", 0),
    ("mkv", "srt", 0),
    ("mkv", "ass", 0),
    ("mkv", "webvtt", 0),
    ("webm", "webvtt", 0),
    # The first picture is at one second of the container's clock.
    ("mkv", "srt", 1),
    ("mkv", "webvtt", 1),
]


@pytest.mark.parametrize(("ending", "codec", "start"), CONTAINERS)
def test_a_text_track_begins_with_the_first_picture(
    tools: Tools, tmp_path: Path, ending: str, codec: str, start: int
) -> None:
    srt, film, made = tmp_path / "a.srt", tmp_path / f"film.{ending}", tmp_path / "made.vtt"
    srt.write_text(SRT)
    video = ["-c:v", "libvpx", "-cpu-used", "8"] if ending == "webm" else [*X264]
    ffmpeg(
        tools,
        *("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=2", "-i", srt),
        *("-map", "0", "-map", "1", *video, "-c:s", codec),
        *("-metadata:s:s:0", "language=ger", "-output_ts_offset", str(start), film),
    )
    info = probe(film, tools, ProbeLimits())
    (track,) = info.subtitles
    assert info.video is not None
    assert info.video.start_time == pytest.approx(start, abs=0.001)
    # Not every container keeps a language (WebM does, as Matroska).
    assert track.language == "ger"
    run(
        subtitles_command(film, info, {track.index: made}, tools),
        limits=RunLimits(wall_seconds=30),
    )
    cues = parse(on_film_clock(made.read_bytes(), info).encode(), "track.vtt").track.cues
    # ffmpeg drops SubRip's tags where the codec has none; the words stay.
    words = [(cue.start, cue.end, cue.text.replace("<i>", "").replace("</i>", "")) for cue in cues]
    assert words == [(500, 1000, "Tom &amp; Jerry here"), (1200, 1900, "End")]


def test_a_track_of_nothing_but_its_head_has_no_cue(tools: Tools, tmp_path: Path) -> None:
    ffmpeg(
        tools, "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=1", tmp_path / "a.mkv"
    )
    info = probe(tmp_path / "a.mkv", tools, ProbeLimits())
    with pytest.raises(BadInput, match="not a single cue"):
        on_film_clock(b"WEBVTT\n\n", info)
    early = b"WEBVTT\n\n00:00.100 --> 00:00.400\nHello\n"
    assert on_film_clock(early, info).endswith("00:00:00.100 --> 00:00:00.400\nHello\n")
    assert Cue(100, 400, "Hello") in parse(early, "a.vtt").track.cues


def test_shapes_that_ass_draws_become_no_words(tools: Tools, tmp_path: Path) -> None:
    ass, film, made = tmp_path / "a.ass", tmp_path / "film.mkv", tmp_path / "made.vtt"
    drawn = [
        r"{\p1}m 0 0 l 100 0 100 100 0 100{\p0}",
        r"{\pos(1,2)\p1\c&HFF&}m 0 0 b 10 10 20.5 -20 30 30{\p0}I'm {\i1}here{\i0}",
        r"m 5 kilometres",
    ]
    ass.write_text(
        "[Script Info]\nScriptType: v4.00+\n\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        + "".join(
            f"Dialogue: 0,0:00:00.{n}0,0:00:00.{n}9,Default,,0,0,0,,{text}\n"
            for n, text in enumerate(drawn)
        )
    )
    ffmpeg(
        tools,
        *("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=1", "-i", ass),
        *("-map", "0", "-map", "1", *X264, "-c:s", "copy", film),
    )
    info = probe(film, tools, ProbeLimits())
    command = subtitles_command(film, info, {1: made}, tools)
    run(command, limits=RunLimits(wall_seconds=30))
    assert "l 100 0" in made.read_text()
    text = on_film_clock(made.read_bytes(), info, drawn=True)
    cues = parse(text.encode(), "track.vtt").track.cues
    assert [cue.text for cue in cues] == ["I'm <i>here</i>", "m 5 kilometres"]


def test_tracks_that_are_pictures_are_named_as_left_out(tools: Tools, tmp_path: Path) -> None:
    sup, film = tmp_path / "a.sup", tmp_path / "film.mkv"
    # One presentation on an empty screen of 160 by 90, and its end.
    screen = struct.pack(">HHBHBBBB", 160, 90, 0x10, 1, 0x80, 0, 0, 0)
    sup.write_bytes(
        b"".join(
            b"PG" + struct.pack(">IIBH", 45_000, 0, kind, len(body)) + body
            for kind, body in ((0x16, screen), (0x80, b""))
        )
    )
    ffmpeg(
        tools,
        *("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=1", "-i", sup),
        *("-map", "0", "-map", "1", *X264, "-c:s", "copy", film),
    )
    info = probe(film, tools, ProbeLimits())
    assert info.subtitles == ()
    said = "Subtitle track 1 (hdmv_pgs_subtitle) is left out: its subtitles are pictures."
    assert said in info.notes


def test_forced_tracks_and_those_for_the_deaf_are_marked(tools: Tools, tmp_path: Path) -> None:
    srt, film = tmp_path / "a.srt", tmp_path / "film.mkv"
    srt.write_text(SRT)
    ffmpeg(
        tools,
        *("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=1", "-i", srt),
        *("-map", "0", "-map", "1", "-map", "1", "-map", "1", *X264, "-c:s", "srt"),
        *("-disposition:s:0", "0", "-disposition:s:1", "forced"),
        *("-disposition:s:2", "hearing_impaired", film),
    )
    tracks = probe(film, tools, ProbeLimits()).subtitles
    assert [(t.forced, t.hearing_impaired) for t in tracks] == [
        (False, False),
        (True, False),
        (False, True),
    ]
    rows = [
        Subtitle(
            label="English",
            language="en",
            folder=f"subtitles/en-{number}",
            forced=track.forced,
            hearing_impaired=track.hearing_impaired,
        )
        for number, track in enumerate(tracks, 1)
    ]
    listed = m3u8.loads(with_subtitles("#EXTM3U\n", [track_of(row) for row in rows])).media
    assert [(m.name, m.forced) for m in listed] == [
        ("English", "NO"),
        ("English (forced)", "YES"),
        ("English 2", "NO"),
    ]
    assert [bool(m.characteristics) for m in listed] == [False, False, True]
