"""The audio rendition lies on the video's clock, begins and ends with it, and is stereo AAC."""

from pathlib import Path

import pytest

from tasks.media.commands import audio_segments
from tasks.media.tools import Tools
from tests.media.clips import (
    X264,
    Stream,
    ffmpeg,
    numbered,
    numbered_clip,
    raw_input,
    read_numbers,
    readable,
    show_stream,
    transcode,
)

RATE = 48_000
# A click in the middle of every second, one millisecond long, loud enough to find.
CLICKS = "aevalsrc='if(lt(mod(t+0.5,1),0.001),0.9,0)':s=48000:d={seconds}"


def clicks(tools: Tools, stream: Stream) -> list[float]:
    """When clicks are heard, in seconds after the first picture."""
    raw = ffmpeg(
        tools,
        *readable(stream.playlist("audio")),
        *("-ac", "1", "-f", "s16le", "-c:a", "pcm_s16le", "-"),
    )
    start = float(str(show_stream(tools, stream.playlist("audio"))["start_time"])) - 10
    samples = memoryview(raw).cast("h")
    heard: list[float] = []
    for number, sample in enumerate(samples):
        time = start + number / RATE
        if abs(sample) > 4000 and (not heard or time - heard[-1] > 0.5):
            heard.append(time)
    return heard


def edges(stream: Stream) -> tuple[float, float]:
    """By how many seconds audio is longer than video, and video's length."""
    audio = next(r for r in stream.renditions if r.name == "audio")
    return audio.duration - stream.renditions[0].duration, stream.renditions[0].duration


@pytest.mark.parametrize(
    ("name", "video_offset", "audio_offset"),
    [
        ("together.mp4", 0.0, 0.0),
        ("late_sound.mp4", 0.0, 0.4),  # an edit list
        ("late_picture.mp4", 0.4, 0.0),
        ("late_sound.mkv", 0.0, 0.4),
        ("late_picture.mkv", 0.4, 0.0),
        ("late_sound.ts", 0.0, 0.4),
        ("late_picture.ts", 0.4, 0.0),
    ],
)
def test_sound_stays_with_the_picture(
    tools: Tools, tmp_path: Path, name: str, video_offset: float, audio_offset: float
) -> None:
    source = tmp_path / name
    ffmpeg(
        tools,
        *("-itsoffset", str(video_offset), *raw_input("25")),
        *("-itsoffset", str(audio_offset), "-f", "lavfi", "-i", CLICKS.format(seconds=8)),
        *("-fps_mode", "passthrough", *X264, "-c:a", "aac", "-b:a", "192k", source),
        stdin=numbered(range(200)),
    )

    stream = transcode(tools, source, tmp_path / "out")

    longer, length = edges(stream)
    assert length == 8
    assert abs(longer) <= 0.02
    assert abs(float(str(show_stream(tools, stream.playlist("audio"))["start_time"])) - 10) <= 0.02
    expected = [second + 0.5 + audio_offset - video_offset for second in range(8)]
    expected = [time for time in expected if 0 < time < 8]
    assert clicks(tools, stream) == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize(
    ("seconds", "frames", "held"),
    [("3", 169, 0), ("7.4", 169, 0), ("18", 432, 18 - 169 * 1.001 / 24)],
)
def test_the_last_picture_stays_for_as_long_as_sound_goes_on(
    tools: Tools, tmp_path: Path, seconds: str, frames: int, held: float
) -> None:
    source = tmp_path / "talk.mp4"
    ffmpeg(
        tools,
        *raw_input("24000/1001"),
        *("-f", "lavfi", "-i", CLICKS.format(seconds=seconds)),
        *(*X264, "-c:a", "aac", source),
        stdin=numbered(range(169)),
    )

    stream = transcode(tools, source, tmp_path / "out")

    assert read_numbers(tools, stream.playlist()) == [*range(169), *[168] * (frames - 169)]
    assert stream.info.video is not None
    assert stream.info.video.held == pytest.approx(held, abs=0.03)
    assert bool(stream.info.notes) == bool(held)
    assert abs(edges(stream)[0]) <= 0.02
    heard = clicks(tools, stream)
    assert heard == pytest.approx([n + 0.5 for n in range(len(heard))], abs=0.002)
    assert len(heard) == min(int(float(seconds)), round(edges(stream)[1]))


def test_a_hole_in_the_sound_does_not_move_what_comes_after(tools: Tools, tmp_path: Path) -> None:
    source = tmp_path / "hole.mkv"
    ffmpeg(
        tools,
        *raw_input("25"),
        *("-f", "lavfi", "-i", CLICKS.format(seconds=8)),
        *("-af", "aselect='not(between(t,2.2,5.2))'", *X264, "-c:a", "pcm_s16le", source),
        stdin=numbered(range(200)),
    )

    stream = transcode(tools, source, tmp_path / "out")

    assert clicks(tools, stream) == pytest.approx([0.5, 1.5, 5.5, 6.5, 7.5], abs=0.002)
    # Filled with silence, not left open: players stumble over holes.
    assert stream.renditions[-1].frames == 8 * RATE / 1024


@pytest.mark.parametrize(
    ("layout", "rate"), [("5.1", 48_000), ("7.1", 48_000), ("mono", 44_100), ("stereo", 22_050)]
)
def test_any_layout_becomes_stereo(tools: Tools, tmp_path: Path, layout: str, rate: int) -> None:
    source = tmp_path / "surround.mkv"
    ffmpeg(
        tools,
        *raw_input("25"),
        *("-f", "lavfi", "-i", f"sine=frequency=440:sample_rate={rate}:duration=3"),
        *("-af", f"aformat=channel_layouts={layout}", *X264, "-c:a", "flac", source),
        stdin=numbered(range(75)),
    )

    stream = transcode(tools, source, tmp_path / "out")

    shown = show_stream(tools, stream.playlist("audio"))
    assert (shown["channels"], shown["sample_rate"], shown["codec_name"]) == (2, "48000", "aac")
    assert stream.renditions[-1].codecs == "mp4a.40.2"
    assert abs(edges(stream)[0]) <= 0.02


def test_the_default_one_of_several_tracks_is_taken(tools: Tools, tmp_path: Path) -> None:
    source = tmp_path / "tracks.mkv"
    ffmpeg(
        tools,
        *raw_input("25"),
        *("-f", "lavfi", "-i", "anullsrc", "-f", "lavfi", "-i", CLICKS.format(seconds=4)),
        *("-map", "0", "-map", "1", "-map", "2", "-shortest", *X264, "-c:a", "aac"),
        *("-disposition:a:0", "0", "-disposition:a:1", "default"),
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra", source),
        stdin=numbered(range(100)),
    )

    stream = transcode(tools, source, tmp_path / "out")

    assert [track.language for track in stream.info.audio] == ["fra", "eng"]
    assert len(clicks(tools, stream)) == 4
    assert 'LANGUAGE="fr"' in stream.playlists["master.m3u8"]


def test_a_video_without_sound_has_no_audio_rendition(tools: Tools, tmp_path: Path) -> None:
    source = numbered_clip(tools, tmp_path / "silent.mp4", "25", 50)

    stream = transcode(tools, source, tmp_path / "out")

    assert stream.plan.audio is None
    assert "AUDIO" not in stream.playlists["master.m3u8"]


@pytest.mark.parametrize("name", ["song.wav", "song.mp3", "song.flac", "song.m4a", "song.ogg"])
def test_sound_without_a_picture_becomes_an_audio_stream(
    tools: Tools, tmp_path: Path, name: str
) -> None:
    source = tmp_path / name
    ffmpeg(tools, "-f", "lavfi", "-i", CLICKS.format(seconds=14), source)

    stream = transcode(tools, source, tmp_path / "out")

    assert stream.info.kind == stream.plan.kind == "audio"
    assert stream.plan.chunks == stream.plan.rungs == ()
    assert [rendition.name for rendition in stream.renditions] == ["audio"]
    assert abs(stream.renditions[0].duration - 14) < 0.1
    assert len(clicks(tools, stream)) == 14


def test_a_cover_picture_does_not_make_a_song_a_video(tools: Tools, tmp_path: Path) -> None:
    cover, source = tmp_path / "cover.png", tmp_path / "song.mp3"
    ffmpeg(tools, "-f", "lavfi", "-i", "testsrc2=size=64x64", "-frames:v", "1", cover)
    ffmpeg(
        tools,
        *("-f", "lavfi", "-i", "sine=duration=3", "-i", cover, "-map", "0", "-map", "1"),
        *("-c:v", "copy", "-disposition:v", "attached_pic", source),
    )

    stream = transcode(tools, source, tmp_path / "out")

    assert stream.info.kind == "audio"


@pytest.mark.parametrize("seconds", [5.9, 11.99, 12.0, 12.01, 12.05, 15.2])
def test_as_many_segments_are_planned_as_are_written(
    tools: Tools, tmp_path: Path, seconds: float
) -> None:
    source = tmp_path / "sound.wav"
    ffmpeg(tools, "-f", "lavfi", "-i", f"sine=frequency=300:duration={seconds}", source)
    stream = transcode(tools, source, tmp_path / "stream")
    (sound,) = stream.renditions
    assert len(sound.segments) == audio_segments(stream.plan)


def test_sound_that_changes_its_layout_and_rate_on_the_way_stays_in_its_place(
    tools: Tools, tmp_path: Path
) -> None:
    parts = [tmp_path / f"{number}.ts" for number in range(2)]
    for number, (layout, rate) in enumerate((("5.1", 48000), ("stereo", 44100))):
        ffmpeg(
            tools,
            *raw_input("25"),
            *("-f", "lavfi", "-i", CLICKS.format(seconds=2)),
            *("-af", f"aresample={rate},aformat=channel_layouts={layout}", *X264, "-c:a", "ac3"),
            *("-output_ts_offset", str(1 + number * 2), "-muxdelay", "0", parts[number]),
            stdin=numbered(range(50)),
        )
    source = tmp_path / "television.ts"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))

    stream = transcode(tools, source, tmp_path / "out")

    assert clicks(tools, stream) == pytest.approx([n + 0.5 for n in range(4)], abs=0.02)
    assert abs(stream.renditions[-1].duration - 4) < 0.02
    assert not (tmp_path / "out" / "decoded.nut").exists()
