"""What probing learns beside the frames."""

from fractions import Fraction
from pathlib import Path

import pytest

from tasks.errors import BadInput
from tasks.media.packets import PacketReader, Track
from tasks.media.probe import ProbeLimits, probe
from tasks.media.tools import Tools
from tests.media.clips import X264, ffmpeg, numbered, numbered_clip, raw_input


def test_all_streams_are_listed(tools: Tools, tmp_path: Path) -> None:
    words, source = tmp_path / "words.srt", tmp_path / "film.mkv"
    words.write_text("1\n00:00:00,500 --> 00:00:01,000\nHello.\n")
    ffmpeg(
        tools,
        *(*raw_input("25"), "-f", "lavfi", "-i", "sine=duration=2:sample_rate=44100"),
        *("-i", words, "-map", "0", "-map", "1", "-map", "1", "-map", "2"),
        *(*X264, "-c:a", "aac", "-ac:a:1", "6", "-c:s", "srt"),
        *("-metadata:s:a:1", "language=fra", "-metadata:s:a:1", "title=Commentary"),
        *("-metadata:s:s:0", "language=deu", "-metadata:s:s:0", "title=Deutsch"),
        *("-disposition:a:0", "default", "-disposition:a:1", "0", source),
        stdin=numbered(range(50)),
    )

    info = probe(source, tools, ProbeLimits())

    assert info.kind == "video"
    assert info.size == source.stat().st_size
    first, second = info.audio
    assert (first.index, first.codec, first.channels, first.sample_rate) == (1, "aac", 1, 44_100)
    assert (first.default, second.default) == (True, False)
    assert (second.channels, second.layout) == (6, "5.1")
    assert (second.language, second.title) == ("fra", "Commentary")
    (subtitles,) = info.subtitles
    assert (subtitles.index, subtitles.codec, subtitles.language, subtitles.title) == (
        3,
        "subrip",
        "deu",
        "Deutsch",
    )


def test_a_plain_video(tools: Tools, tmp_path: Path) -> None:
    source = numbered_clip(tools, tmp_path / "plain.mp4", "25", 50)

    video = probe(source, tools, ProbeLimits()).video

    assert video is not None
    assert (video.codec, video.pixel_format, video.bit_depth) == ("h264", "yuv420p", 8)
    assert (video.width, video.height, video.frame_count) == (160, 90, 50)
    assert (video.start_time, video.duration) == (0, 2)
    assert (video.is_vfr, video.is_hdr, video.interlaced) == (False, False, False)


def parse_packets(listing: str) -> Track:
    reader = PacketReader([(0, Fraction(1, 1000))])
    for character in listing:  # however the pipe cuts it
        reader.feed(character.encode())
    reader.finish()
    return reader.tracks[0]


def test_packets_that_an_edit_list_hides_are_not_frames() -> None:
    track = parse_packets(
        "0,0,0,40,KD_\n1,9,9,9,K__\n0,40,40,40,_D_\n0,80,80,40,___\n0,160,120,40,___\n"
    )

    assert list(track.ticks()) == [80, 160]
    assert (track.read, track.last_duration, track.lasts) == (4, 40, 80)
    assert (track.begins, track.ends) == (0.08, 0.2)


def test_decoding_times_serve_where_presentation_times_are_missing() -> None:
    track = parse_packets("0,N/A,0,1,K__\n0,N/A,1,1,___\n0,2,2,1,___\n")

    assert track.lacks_times
    assert list(track.ticks(1)) == [1, 2, 3]
    assert list(track.ticks()) == [2, 3, 4]


def test_more_packets_than_a_worker_can_keep_are_refused(tools: Tools, tmp_path: Path) -> None:
    source = numbered_clip(tools, tmp_path / "source.mp4", "25", 100)
    probe(source, tools, ProbeLimits(packets=100))

    with pytest.raises(BadInput, match="more than 99 pictures"):
        probe(source, tools, ProbeLimits(packets=99))


def test_fonts_are_no_streams_to_count_and_tags_are_cut(tools: Tools, tmp_path: Path) -> None:
    source = tmp_path / "anime.mkv"
    font = tmp_path / "font.ttf"
    font.write_bytes(b"font")
    fonts = [word for _ in range(3) for word in ("-attach", str(font))]
    kind = ("-metadata:s:t", "mimetype=font/ttf", "-metadata:s:a:0", f"title={'x' * 5000}")
    ffmpeg(
        tools,
        *(*raw_input("25"), "-f", "lavfi", "-i", "sine=duration=1", *fonts, *kind),
        *(*X264, "-c:a", "aac", source),
        stdin=numbered(range(25)),
    )

    info = probe(source, tools, ProbeLimits(streams=2))

    assert len(info.audio[0].title) == 200
