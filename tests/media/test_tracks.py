"""Every sound track becomes one of a group, named, in order, and heard on the right side."""

from pathlib import Path

import m3u8
import pytest

from tasks.media.loudness import Loudness, gain_to, parse_loudness
from tasks.media.plan import make_plan
from tasks.media.playlists import all_playlists
from tasks.media.presentation import check_presentation
from tasks.media.probe import ProbeLimits, probe
from tasks.media.sound import encode_sound
from tasks.media.tools import Tools
from tasks.media.tracks import audio_plans, names
from tests.media.clips import LIMITS, X264, Stream, ffmpeg, numbered, raw_input, readable, transcode
from tests.media.values import audio_info


def level(tools: Tools, playlist: Path, hertz: int, side: int) -> float:
    """How loud a tone is on a side (0 left, 1 right), in dB below full scale."""
    chain = f"pan=mono|c0=c{side},bandpass=f={hertz}:width_type=h:w=20,volumedetect"
    import subprocess

    command = [tools.ffmpeg, "-hide_banner", *map(str, readable(playlist)), "-af", chain]
    log = subprocess.run(
        [*command, "-f", "null", "-"], capture_output=True, text=True, check=True
    ).stderr
    return float(log.split("mean_volume:")[1].split()[0])


def film(tools: Tools, path: Path, *arguments: str | Path) -> Path:
    ffmpeg(tools, *raw_input("25"), *arguments, path, stdin=numbered(range(150)))
    return path


def master_of(stream: Stream) -> m3u8.M3U8:
    return m3u8.loads(all_playlists(stream.plan, stream.renditions)["master.m3u8"])


def test_every_track_is_offered_by_its_language(tools: Tools, tmp_path: Path) -> None:
    tones = [word for hertz in (300, 400, 500, 600) for word in tone(hertz)]
    source = film(
        tools,
        tmp_path / "film.mkv",
        *(*tones, *(word for n in range(5) for word in ("-map", str(n)))),
        *(*X264, "-c:a", "aac", "-ar", "48000"),
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:0", "title=Director's commentary"),
        *("-metadata:s:a:1", "language=ger", "-metadata:s:a:2", "language=eng"),
        *("-metadata:s:a:3", "language=eng", "-disposition:a", "0"),
        *("-disposition:a:0", "comment", "-disposition:a:2", "default"),
        *("-disposition:a:3", "visual_impaired+descriptions"),
    )

    stream = transcode(tools, source, tmp_path / "out")

    media = [entry for entry in master_of(stream).media if entry.type == "AUDIO"]
    assert [(m.name, m.language, m.default, m.autoselect, m.uri) for m in media] == [
        ("English", "en", "YES", "YES", "audio/playlist.m3u8"),
        ("Deutsch", "de", "NO", "YES", "audio-2/playlist.m3u8"),
        ("English (audio description)", "en", "NO", "YES", "audio-3/playlist.m3u8"),
        ("English (Director's commentary)", "en", "NO", "NO", "audio-4/playlist.m3u8"),
    ]
    assert [m.characteristics for m in media] == [
        *(None, None, "public.accessibility.describes-video", None)
    ]
    assert {m.group_id for m in media} == {"audio"}
    for name, hertz in (("audio", 500), ("audio-2", 400), ("audio-3", 600), ("audio-4", 300)):
        heard = {tried: level(tools, stream.playlist(name), tried, 0) for tried in (300, 400, 500)}
        heard[600] = level(tools, stream.playlist(name), 600, 0)
        assert max(heard, key=lambda tried: heard[tried]) == hertz
    texts = all_playlists(stream.plan, stream.renditions)
    sizes = {segment.name: segment.size for r in stream.renditions for segment in r.segments}
    sizes |= {r.init_name: 1 for r in stream.renditions}
    assert check_presentation(texts, sizes, stream.plan) == []


def tone(hertz: int, *more: str) -> tuple[str, ...]:
    return (*more, "-f", "lavfi", "-i", f"sine=f={hertz}:d=6:r=48000")


def test_mono_tracks_of_a_tape_become_stereo(tools: Tools, tmp_path: Path) -> None:
    for name, container, pairs in (("tape", "mxf", 1), ("camera", "mov", 2)):
        tones = [word for hertz in (440, 1000, 300, 600)[: 2 * pairs] for word in tone(hertz)]
        source = film(
            tools,
            tmp_path / f"{name}.{container}",
            *(*tones, *(word for n in range(2 * pairs + 1) for word in ("-map", str(n)))),
            *("-c:v", "mpeg2video", "-q:v", "4", "-c:a", "pcm_s16le", "-ac", "1"),
        )

        stream = transcode(tools, source, tmp_path / name)

        assert [s.name for s in stream.plan.sounds] == ["audio", "audio-2"][:pairs]
        left, right = (level(tools, stream.playlist("audio"), f, 0) for f in (440, 1000))
        assert left > right + 20
        left, right = (level(tools, stream.playlist("audio"), f, 1) for f in (440, 1000))
        assert right > left + 20


def test_what_is_a_pair_and_what_is_not() -> None:
    def planned(format_name: str, *changes: dict[str, object]) -> list[tuple[int, int | None]]:
        tracks = [
            audio_info(index=n, channels=1, layout="mono", language="", **change)
            for n, change in enumerate(changes, 1)
        ]
        return [(p.stream_index, p.right_index) for p in audio_plans(tracks, format_name)]

    assert planned("mxf", {}, {}) == [(1, 2)]
    assert planned("mov,mp4,m4a", {}, {}, {}, {}) == [(1, 2), (3, 4)]
    assert planned("mxf", {}, {}, {}) == [(1, None), (2, None), (3, None)]
    assert planned("matroska,webm", {}, {}) == [(1, None), (2, None)]
    assert planned("mxf", {}, {"sample_rate": 44_100}) == [(1, None), (2, None)]
    assert planned("mov,mp4", {"title": "Left"}, {"title": "Right"}) == [(1, 2)]
    assert planned("mov,mp4", {}, {"title": "Interpreter"}) == [(1, None), (2, None)]


def test_tracks_of_one_name_are_told_apart() -> None:
    tracks = [audio_info(index=n, language=tag) for n, tag in enumerate(("eng", "eng", "", ""))]

    assert names(audio_plans(tracks, "matroska")) == ["English", "English 2", "Audio", "Audio 2"]


def test_a_track_that_cannot_be_encoded_is_left_out(tools: Tools, tmp_path: Path) -> None:
    """The film is not failed by it, whichever it is."""
    source = film(
        tools,
        tmp_path / "film.mkv",
        *(*tone(300), *tone(400), "-map", "0", "-map", "1", "-map", "2", *X264),
        *("-c:a", "aac", "-disposition:a:0", "default", "-disposition:a:1", "0"),
    )
    info = probe(source, tools, ProbeLimits())
    plan = make_plan(info)
    bad = plan.sounds[0].model_copy(update={"stream_index": 9})
    broken = info.model_copy(
        update={"audio": (*info.audio, info.audio[0].model_copy(update={"index": 9}))}
    )
    plan = plan.model_copy(update={"audio": bad})
    for track in plan.sounds:
        (tmp_path / "out" / track.name).mkdir(parents=True)

    sound = encode_sound(source, broken, plan, tmp_path / "out", tools, limits=LIMITS)

    assert [rendition.name for rendition in sound.renditions] == ["audio-2"]
    assert len(sound.notes) == 1
    assert sound.notes[0].startswith("Sound track 9 is left out.")
    video = transcode(tools, source, tmp_path / "whole").renditions[0]
    master = m3u8.loads(all_playlists(plan, [video, *sound.renditions])["master.m3u8"])
    assert [(m.uri, m.default) for m in master.media] == [("audio-2/playlist.m3u8", "YES")]


@pytest.mark.parametrize("channels", [3, 6, 8, 9, 12])
def test_each_channel_of_many_is_heard(tools: Tools, tmp_path: Path, channels: int) -> None:
    """All but that for low frequencies, which by its standard is not mixed in."""
    pitches = [300 + 100 * n for n in range(channels)]
    tones = "|".join(f"sin({hertz}*2*PI*t)/4" for hertz in pitches)
    source = film(
        tools,
        tmp_path / "film.mov",
        *("-f", "lavfi", "-i", f"aevalsrc='{tones}':d=6:s=48000", "-map", "0", "-map", "1"),
        *(*X264, "-c:a", "pcm_s16le"),
    )

    stream = transcode(tools, source, tmp_path / "out")

    playlist = stream.playlist("audio")
    silent = [
        hertz
        for hertz in pitches
        if max(level(tools, playlist, hertz, 0), level(tools, playlist, hertz, 1)) < -60
    ]
    assert len(silent) <= 1
    assert level(tools, playlist, 300, 0) > level(tools, playlist, 300, 1) + 6
    assert level(tools, playlist, 400, 1) > level(tools, playlist, 400, 0) + 6


def test_loudness_is_measured_and_brought_to_a_target(tools: Tools, tmp_path: Path) -> None:
    quiet = "aevalsrc='0.05*sin(997*2*PI*t)|0.05*sin(997*2*PI*t)':d=12:s=48000"
    source = tmp_path / "quiet.wav"
    ffmpeg(tools, "-f", "lavfi", "-i", quiet, "-c:a", "pcm_s16le", source)
    info = probe(source, tools, ProbeLimits())
    plan = make_plan(info)
    measured = {}
    for target in (None, -23.0, -16.0):
        out = tmp_path / str(target)
        (out / "audio").mkdir(parents=True)
        (output,) = encode_sound(
            source, info, plan, out, tools, limits=LIMITS, target=target
        ).renditions
        assert output.loudness is not None
        measured[target] = output.loudness

    # A sine of 997 Hz on both sides: -26 dB of its peak, and 0 LU of weighting and summing.
    assert measured[None].integrated == pytest.approx(-26.0, abs=0.3)
    assert measured[None].true_peak == pytest.approx(-26.0, abs=0.3)
    assert measured[-23.0].integrated == pytest.approx(-23, abs=0.5)
    assert measured[-16.0].integrated == pytest.approx(-16, abs=0.5)


def test_silence_is_not_made_louder() -> None:
    log = """\
[ebur128@audio-2 @ 0x1] Summary:

  Integrated loudness:
    I:         -70.0 LUFS
    Threshold:   0.0 LUFS

  Loudness range:
    LRA:         0.0 LU
    Threshold:   0.0 LUFS

  True peak:
    Peak:       -inf dBFS
"""
    found = parse_loudness(log.splitlines())

    assert found == {"audio-2": Loudness(integrated=-70.0, range=0.0, true_peak=None)}
    assert found["audio-2"].is_silent
    assert gain_to(-23, found["audio-2"], 0.3) == 0


def test_ambisonics_are_heard_from_left_and_right(tools: Tools, tmp_path: Path) -> None:
    """First order, ACN and SN3D: a source on the left is W and Y alike."""
    source = tmp_path / "sphere.mka"
    left = "aevalsrc='sin(500*2*PI*t)/4|sin(500*2*PI*t)/4|0|0':d=6:s=48000"
    tagged = f"{left},aformat=channel_layouts=4.0"
    ffmpeg(
        tools,
        *("-f", "lavfi", "-i", tagged, "-c:a", "libopus", "-mapping_family", "255", source),
    )
    # Family 255 has no layout; 2 is ambisonic. Same channels, another number in the header.
    data = source.read_bytes()
    at = data.index(b"OpusHead")
    assert data[at + 18] == 255
    source.write_bytes(with_family(data, at))

    info = probe(source, tools, ProbeLimits())
    assert info.audio[0].layout.startswith("ambisonic 1")
    stream = transcode(tools, source, tmp_path / "out")

    playlist = stream.playlist("audio")
    assert level(tools, playlist, 500, 0) > level(tools, playlist, 500, 1) + 20
    assert any("ambisonic" in note for note in info.notes)


def with_family(data: bytes, at: int) -> bytes:
    """OpusHead of mapping family 2: its streams are four mono ones, mapped in order."""
    changed = bytearray(data)
    changed[at + 18] = 2
    return bytes(changed)
