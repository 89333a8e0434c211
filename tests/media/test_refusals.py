"""What is no video is refused by what it is, not by its name, in a sentence for people."""

import json
import socket
import threading
from pathlib import Path

import pytest

from tasks.errors import BadInput, Category
from tasks.media import commands, process
from tasks.media.plan import make_plan
from tasks.media.probe import FORMATS, ProbeLimits, probe
from tasks.media.segments import read_outputs
from tasks.media.tools import Tools
from tests.media.clips import LIMITS, X264, ffmpeg, numbered_clip


def refusal(tools: Tools, path: Path, limits: ProbeLimits | None = None) -> str:
    with pytest.raises(BadInput) as caught:
        probe(path, tools, limits or ProbeLimits())
    assert caught.value.category is Category.bad_input
    assert not caught.value.retryable
    return caught.value.sentence


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.webp", "a.bmp", "a.tiff"])
def test_a_picture(tools: Tools, tmp_path: Path, name: str) -> None:
    picture = tmp_path / name
    ffmpeg(tools, "-f", "lavfi", "-i", "testsrc2=size=64x64", "-frames:v", "1", picture)
    renamed = picture.rename(tmp_path / "holiday.mp4")

    assert refusal(tools, renamed) == "This is a picture, not a video."


def test_a_video_of_one_picture(tools: Tools, tmp_path: Path) -> None:
    source = numbered_clip(tools, tmp_path / "still.mp4", "25", 1)

    assert refusal(tools, source) == "This is a single picture, not a video."


@pytest.mark.parametrize("name", ["notes.txt", "notes.mp4"])
@pytest.mark.parametrize("text", ["Dear diary,\n" * 500, "x", '{"a": [1, 2]}', "Привет " * 999])
def test_a_text(tools: Tools, tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)

    assert refusal(tools, path) == "This is a text file, not a video."


def test_nothing_at_all(tools: Tools, tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()

    assert refusal(tools, path) == "The file is empty."


@pytest.mark.parametrize("contents", [bytes(5000), b"PK\3\4" + bytes(range(256)) * 20])
def test_bytes_of_another_kind(tools: Tools, tmp_path: Path, contents: bytes) -> None:
    path = tmp_path / "archive.zip"
    path.write_bytes(contents)

    assert refusal(tools, path) == (
        "This is not a video or audio file, or it is damaged beyond reading."
    )


def test_ffprobe_itself_opens_no_playlist(tools: Tools, tmp_path: Path) -> None:
    assert not {"hls", "concat", "dash", "image2", "tty", "sdp", "rtsp"} & set(FORMATS)
    # Past the look at its first bytes: what ffprobe itself says of a playlist.
    path = tmp_path / "film.m3u8"
    path.write_bytes(b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n\1\n#EXT-X-ENDLIST\n")

    assert refusal(tools, path) == (
        "This is a playlist that points to other files, not a video itself."
    )


@pytest.mark.parametrize("name", ["film.mp4", "film.m3u8", "film.mkv"])
def test_playlists_and_scripts_that_name_other_files(
    tools: Tools, tmp_path: Path, name: str
) -> None:
    secret = numbered_clip(tools, tmp_path / "secret.ts", "25", 50)
    hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{secret}\n#EXT-X-ENDLIST\n"
    concat = f"ffconcat version 1.0\nfile {secret}\n"
    dash = f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{secret}'
    sdp = "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"
    path = tmp_path / name
    for text in (hls, concat, dash, sdp):
        path.write_text(text)
        sentence = refusal(tools, path)
        assert sentence == "This is a playlist that points to other files, not a video itself.", (
            text
        )


def test_a_playlist_opens_no_connection(tools: Tools, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        path = tmp_path / "film.mp4"
        path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{url}\n#EXT-X-ENDLIST\n")

        refusal(tools, path)

        with pytest.raises(TimeoutError):
            server.accept()


def test_a_file_without_its_index(tools: Tools, tmp_path: Path) -> None:
    source = numbered_clip(tools, tmp_path / "cut.mp4", "25", 250)
    data = source.read_bytes()
    source.write_bytes(data[: data.index(b"moov")])

    assert refusal(tools, source) == (
        "The file is cut off or damaged: the index of its frames is missing."
    )


def test_a_file_cut_off_in_the_middle_says_where(tools: Tools, tmp_path: Path) -> None:
    front = ("-movflags", "+faststart")
    source = numbered_clip(tools, tmp_path / "cut.mp4", "25", 500, *front)
    data = source.read_bytes()
    source.write_bytes(data[: len(data) * 2 // 3])

    sentence = refusal(tools, source)

    assert sentence.startswith(
        "The file is cut off: it says it is 0:20 long, but its video ends at"
    )
    assert sentence.split()[-1] in {"0:11.", "0:12.", "0:13.", "0:14."}


def test_a_matroska_file_cut_off_in_the_middle(tools: Tools, tmp_path: Path) -> None:
    source = numbered_clip(tools, tmp_path / "cut.mkv", "25", 500)
    data = source.read_bytes()
    source.write_bytes(data[: len(data) // 2])

    assert refusal(tools, source).startswith("The file is cut off: it says it is 0:20 long")


def test_a_matroska_film_that_begins_late_is_not_taken_for_cut_off(
    tools: Tools, tmp_path: Path
) -> None:
    late = ("-output_ts_offset", "4")
    source = numbered_clip(tools, tmp_path / "late.mkv", "25", 100, *late)
    info = probe(source, tools, ProbeLimits())
    assert info.video is not None
    assert (info.video.start_time, info.video.frame_count) == (4.0, 100)


def test_what_has_headers_but_cannot_be_decoded(tools: Tools, tmp_path: Path) -> None:
    source = numbered_clip(tools, tmp_path / "noise.mp4", "25", 100)
    data = bytearray(source.read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[start:end] = b"\xa5" * (end - start)
    source.write_bytes(data)

    assert refusal(tools, source).startswith("The source cannot be decoded")


def test_a_source_that_gives_out_on_the_way_says_when(tools: Tools, tmp_path: Path) -> None:
    source = numbered_clip(tools, tmp_path / "source.mp4", "25", 400)
    info = probe(source, tools, ProbeLimits())
    plan = make_plan(info, target_chunk_seconds=6)
    shorter = numbered_clip(tools, tmp_path / "shorter.mp4", "25", 220)
    for folder in commands.output_folders(plan, tmp_path / "out"):
        folder.mkdir(parents=True)
    chunk = plan.chunks[1]
    command = commands.chunk_command(
        shorter, info, plan, chunk, tmp_path / "out", tools, preset="ultrafast"
    )
    process.run(command, limits=LIMITS)

    with pytest.raises(BadInput, match=r"damaged or cut off: from 0:09 on it cannot be decoded"):
        read_outputs(tmp_path / "out", plan, chunk)


def test_limits(tools: Tools, tmp_path: Path) -> None:
    source = tmp_path / "big.mkv"
    lavfi = "testsrc2=size=640x360:rate=10:duration=65"
    ffmpeg(tools, "-f", "lavfi", "-i", lavfi, "-map", "0", "-map", "0", *X264, source)

    assert refusal(tools, source, ProbeLimits(duration_seconds=60)) == (
        "The source is 1:05 long; at most 1:00 is allowed."
    )
    assert refusal(tools, source, ProbeLimits(pixels=100_000)).startswith(
        "The picture is 640 by 360 pixels"
    )
    assert refusal(tools, source, ProbeLimits(streams=1)) == (
        "The file has 2 streams; at most 1 are allowed."
    )


@pytest.mark.parametrize(
    ("size", "sar", "shown"),
    [("4000x180", "8/1", "32000 by 180"), ("20000x64", "1/1", "20000 by 64")],
)
def test_a_picture_that_no_encoder_can_make(
    tools: Tools, tmp_path: Path, size: str, sar: str, shown: str
) -> None:
    source = tmp_path / "wide.mkv"
    picture = f"color=size={size}:rate=5:duration=1,setsar={sar}"
    ffmpeg(tools, "-f", "lavfi", "-i", picture, "-c:v", "ffv1", source)

    assert refusal(tools, source) == (
        f"The picture is shown at {shown} pixels; at most 16,384 on a side and 36 million in all"
        " are allowed."
    )


def test_probing_stops_when_asked(tools: Tools, tmp_path: Path) -> None:
    source = numbered_clip(tools, tmp_path / "source.mp4", "25", 50)
    stop = threading.Event()
    stop.set()

    with pytest.raises(Exception, match="stopped") as caught:
        probe(source, tools, ProbeLimits(), stop=stop)
    assert caught.value.category is Category.cancelled  # type: ignore[attr-defined]


def test_what_was_learnt_survives_being_stored(tools: Tools, tmp_path: Path) -> None:
    source = numbered_clip(tools, tmp_path / "source.mkv", "24000/1001", 50)
    info = probe(source, tools, ProbeLimits())
    plan = make_plan(info)

    for value in (info, plan):
        stored = json.loads(json.dumps(value.model_dump(mode="json")))
        assert type(value).model_validate(stored) == value
