"""A whole stream: what the encoder wrote, read back, and read by ffprobe as by a player."""

import hashlib
import re
from fractions import Fraction
from pathlib import Path

import pytest

from tasks.errors import EncoderFailed
from tasks.media import commands, process
from tasks.media.boxes import read_fragment, read_init
from tasks.media.plan import make_plan
from tasks.media.presentation import check_presentation
from tasks.media.probe import ProbeLimits, probe
from tasks.media.segments import ChunkOutput, join, odd_chunks, read_audio, read_outputs
from tasks.media.storyboard import sheets, webvtt
from tasks.media.tools import Tools
from tasks.media.verify import verify
from tests.media.clips import (
    LIMITS,
    X264,
    Stream,
    ffmpeg,
    numbered,
    raw_input,
    read_numbers,
    show_stream,
    transcode,
)

FRAMES = 400


@pytest.fixture(scope="module")
def stream(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Stream:
    """Three chunks in two rungs, with sound: a source of 16 s in 848x480."""
    folder = tmp_path_factory.mktemp("stream")
    source = folder / "source.mp4"
    ffmpeg(
        tools,
        *(*raw_input("25", 848, 480), "-f", "lavfi", "-i", "sine=duration=16"),
        *(*X264, "-c:a", "aac", source),
        stdin=numbered(range(FRAMES), 848, 480),
    )
    return transcode(tools, source, folder / "out")


def test_every_rung_has_every_frame(tools: Tools, stream: Stream) -> None:
    assert [rung.name for rung in stream.plan.rungs] == ["480p", "360p"]
    for rung in stream.plan.rungs:
        assert read_numbers(tools, stream.playlist(rung.name)) == list(range(FRAMES))


def test_segments_of_all_rungs_cut_at_the_same_frames(stream: Stream) -> None:
    first, second, _ = stream.renditions

    assert [s.frames for s in first.segments] == [150, 150, 100]
    assert [s.frames for s in second.segments] == [150, 150, 100]
    assert [s.name for s in first.segments] == [f"480p/seg_0000{n}.m4s" for n in range(3)]
    assert all(s.size == (stream.folder / s.name).stat().st_size for s in first.segments)


def test_no_problems_are_found(tools: Tools, stream: Stream) -> None:
    assert check_presentation(stream.playlists, stream.sizes(), stream.plan) == []
    assert verify(stream.folder, stream.plan, tools) == []


def test_ffprobe_finds_a_lost_frame_and_a_lost_segment(tools: Tools, stream: Stream) -> None:
    assert verify(stream.folder, stream.plan, tools, frames=FRAMES + 1) == [
        "480p/playlist.m3u8 has 400 frames, not 401.",
        "360p/playlist.m3u8 has 400 frames, not 401.",
    ]
    segment = stream.folder / "360p/seg_00001.m4s"
    hidden = segment.rename(segment.with_suffix(".hidden"))
    try:
        assert verify(stream.folder, stream.plan, tools) != []
    finally:
        hidden.rename(segment)


def test_the_master_lists_what_ffprobe_sees(tools: Tools, stream: Stream) -> None:
    shown = show_stream(tools, stream.playlist("480p"))

    assert shown["codec_name"] == "h264"
    assert shown["pix_fmt"] == "yuv420p"
    assert {shown[f"color_{name}"] for name in ("space", "transfer", "primaries")} == {"bt709"}
    assert shown["color_range"] == "tv"
    init = (stream.folder / "480p/init.mp4").read_bytes()
    codec = read_init(init).codec
    assert re.fullmatch(r"avc1\.[0-9a-f]{6}", codec)
    assert int(codec[-2:], 16) == shown["level"]
    assert f'CODECS="{codec},mp4a.40.2"' in stream.playlists["master.m3u8"]


def test_an_iframe_can_be_decoded_by_its_bytes_alone(
    tools: Tools, stream: Stream, tmp_path: Path
) -> None:
    video = stream.renditions[0]
    for number, segment in enumerate(video.segments):
        (frame,) = segment.iframes
        data = (stream.folder / segment.name).read_bytes()
        alone = tmp_path / "alone.mp4"
        alone.write_bytes(
            (stream.folder / video.init_name).read_bytes()
            + data[frame.offset : frame.offset + frame.length]
        )
        # Its header still speaks of the frames after it, whose bytes are not there.
        assert read_numbers(tools, alone, "trim=end_frame=1") == [number * 150]


def test_every_gop_begins_with_a_key_frame_and_refers_to_no_other(stream: Stream) -> None:
    data = (stream.folder / "480p/seg_00000.m4s").read_bytes()
    samples = read_fragment(data).samples

    assert [number for number, s in enumerate(samples) if s.is_sync] == [0, 50, 100]
    for start in (0, 50, 100):
        gop = samples[start : start + 50]
        assert min(s.present_time for s in gop) == gop[0].present_time


def test_a_cut_in_the_film_makes_no_key_frame_of_its_own(tools: Tools, tmp_path: Path) -> None:
    source = tmp_path / "cut.mp4"
    first, second = "testsrc2=size=160x90:rate=25:duration=3.4", "mandelbrot=size=160x90:rate=25"
    ffmpeg(
        tools,
        *("-f", "lavfi", "-i", first, "-f", "lavfi", "-i", second),
        *("-filter_complex", "concat,setsar=1", "-frames:v", "120", *X264, source),
    )

    # A preset that looks for cuts, as the default one does.
    stream = transcode(tools, source, tmp_path / "out", preset="veryfast")

    segment = (stream.folder / stream.renditions[0].segments[0].name).read_bytes()
    samples = read_fragment(segment).samples
    assert [number for number, s in enumerate(samples) if s.is_sync] == [0, 50, 100]


def test_thumbnails_are_the_pictures_of_their_moments(tools: Tools, stream: Stream) -> None:
    names = [
        name for chunk in sorted(stream.chunks, key=lambda c: c.index) for name in chunk.thumbnails
    ]

    assert names == [f"thumbs/thumb_{number:05}.jpg" for number in range(16)]
    every = stream.plan.thumbnail_frames
    for number, name in enumerate(names):
        assert read_numbers(tools, stream.folder / name) == [number * every]


def test_the_storyboard_shows_each_thumbnail_where_its_cue_says(
    tools: Tools, stream: Stream, tmp_path: Path
) -> None:
    (sheet,) = sheets(stream.plan.thumbnails)
    command = commands.storyboard_command(stream.folder / "thumbs", sheet, tmp_path, tools)
    process.run(command, limits=LIMITS)

    cues = re.findall(
        r"(\d\d:\d\d\.\d+) --> .*\n(.*)#xywh=(\d+),(\d+),(\d+),(\d+)", webvtt(stream.plan)
    )
    assert len(cues) == 16
    for number, (_, name, x, y, width, height) in enumerate(cues):
        crop = f"crop={width}:{height}:{x}:{y}"
        assert read_numbers(tools, tmp_path / name, crop) == [number * 25]


def test_the_poster_is_an_early_picture(tools: Tools, stream: Stream, tmp_path: Path) -> None:
    source = stream.folder.parent / "source.mp4"
    for at, expected in ((None, range(40, 64)), (0.0, range(24)), (99.0, range(375, 400))):
        poster = tmp_path / "poster.jpg"
        command = commands.poster_command(
            source, stream.info, poster, tools, at_seconds=at, width=640
        )
        process.run(command, limits=LIMITS)

        assert (show_stream(tools, poster)["width"], show_stream(tools, poster)["height"]) == (
            640,
            362,
        )
        (number,) = read_numbers(tools, poster)
        assert number in expected


def copy_chunk(stream: Stream, folder: Path) -> Path:
    for rung in ("480p", "360p", "thumbs", "audio"):
        (folder / rung).mkdir()
        for path in (stream.folder / rung).iterdir():
            (folder / rung / path.name).write_bytes(path.read_bytes())
    return folder


def test_a_segment_that_is_missing_or_cut_or_misplaced_is_noticed(
    stream: Stream, tmp_path: Path
) -> None:
    folder, chunk = copy_chunk(stream, tmp_path), stream.plan.chunks[1]
    segment = folder / "360p/seg_00001.m4s"
    good = segment.read_bytes()
    assert read_outputs(folder, stream.plan, chunk).frames == 150

    segment.write_bytes(good[:-100])
    with pytest.raises(EncoderFailed, match="cut off"):
        read_outputs(folder, stream.plan, chunk)
    segment.write_bytes((folder / "360p/seg_00000.m4s").read_bytes())
    with pytest.raises(EncoderFailed, match=r"Frame 150 is not in its place in 360p/seg_00001"):
        read_outputs(folder, stream.plan, chunk)
    segment.unlink()
    with pytest.raises(EncoderFailed, match="frame counts"):
        read_outputs(folder, stream.plan, chunk)
    segment.write_bytes(good)
    (folder / "thumbs/thumb_00007.jpg").unlink()
    with pytest.raises(EncoderFailed, match="thumb_00007"):
        read_outputs(folder, stream.plan, chunk)
    (folder / "audio/seg_00001.m4s").unlink()
    with pytest.raises(EncoderFailed, match="planned"):
        read_audio(folder, stream.plan, stream.plan.sounds[0])


def test_a_last_chunk_may_end_a_few_frames_early(tools: Tools, tmp_path: Path) -> None:
    source = tmp_path / "source.mp4"
    ffmpeg(tools, *raw_input("25"), *X264, source, stdin=numbered(range(245)))
    info = probe(source, tools, ProbeLimits())
    assert info.video is not None
    # The container claims five frames that are not there.
    claimed = info.model_copy(update={"video": info.video.model_copy(update={"frame_count": 250})})
    plan = make_plan(claimed, target_chunk_seconds=6)
    for folder in commands.output_folders(plan, tmp_path):
        folder.mkdir()
    chunk = plan.chunks[-1]
    command = commands.chunk_command(
        source, claimed, plan, chunk, tmp_path, tools, preset="ultrafast"
    )
    process.run(command, limits=LIMITS)

    output = read_outputs(tmp_path, plan, chunk)

    assert output.frames == chunk.frames - 5
    assert sum(segment.frames for segment in output.renditions[0].segments) == output.frames


def test_chunks_of_another_build_are_found_and_not_joined(stream: Stream) -> None:
    odd = stream.chunks[1]
    other = odd.renditions[0].model_copy(
        update={"init_sha256": hashlib.sha256(b"another build").hexdigest()}
    )
    spoilt = [*stream.chunks]
    spoilt[1] = odd.model_copy(update={"renditions": (other, *odd.renditions[1:])})

    assert odd_chunks(stream.chunks) == ()
    assert odd_chunks(spoilt) == (odd.index,)
    with pytest.raises(EncoderFailed, match="differ"):
        join(stream.plan, spoilt)
    for lost in stream.chunks:
        with pytest.raises(EncoderFailed, match="missing"):
            join(stream.plan, [chunk for chunk in stream.chunks if chunk is not lost])


def test_results_survive_being_stored(stream: Stream) -> None:
    for chunk in stream.chunks:
        assert ChunkOutput.model_validate(chunk.model_dump(mode="json")) == chunk


def test_an_encoder_opens_files_only(stream: Stream, tools: Tools) -> None:
    source = Path("/somewhere/film.mp4")
    chunk = stream.plan.chunks[0]
    for command in (
        commands.chunk_command(source, stream.info, stream.plan, chunk, Path("/out"), tools),
        commands.audio_command(
            source, stream.info, stream.plan, stream.plan.sounds, Path("/out"), tools
        ),
        commands.poster_command(source, stream.info, Path("/out/poster.jpg"), tools),
        commands.look_command(source, stream.info, tools),
        commands.listen_command(source, stream.info, stream.info.audio[0], tools),
    ):
        at = command.index("-i")
        before = command[:at]
        assert before[before.index("-protocol_whitelist") + 1] == "file,pipe"
        assert before[before.index("-f") + 1] == "mov"
        assert command.count("-i") == 1
        assert "-nostdin" in command


def test_bitrate_is_capped(tools: Tools, tmp_path: Path) -> None:
    source = tmp_path / "noise.mp4"
    noise = "nullsrc=size=160x90:rate=25:duration=12,geq=lum='random(1)*255':cb=128:cr=128"
    ffmpeg(tools, "-f", "lavfi", "-i", noise, *X264, source)

    stream = transcode(tools, source, tmp_path / "out")

    (rung,) = stream.plan.rungs
    for segment in stream.renditions[0].segments:
        # What the decoder's buffer holds at the start may come on top.
        assert segment.size * 8 <= rung.maxrate * segment.duration + rung.bufsize


def test_level_and_rate_are_what_the_rung_says(tools: Tools, stream: Stream) -> None:
    shown = show_stream(tools, stream.playlist("480p"))

    assert str(shown["level"]) == stream.plan.rungs[0].level.replace(".", "")
    assert Fraction(str(shown["r_frame_rate"])) == 25
