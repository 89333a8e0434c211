"""Makes test sources whose every frame carries its own number, and reads the numbers back.

A frame is sixteen upright bars, white or black: its number in binary. So a test can say which frame
of the source each frame of the stream is, instead of comparing pictures.
"""

import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tasks.media import commands, playlists, segments
from tasks.media.conform import conformed
from tasks.media.pictures import encode_pictures
from tasks.media.plan import Plan, make_plan
from tasks.media.probe import ProbeLimits, survey
from tasks.media.process import RunLimits
from tasks.media.segments import ChunkOutput, RenditionOutput
from tasks.media.sound import encode_sound
from tasks.media.source import SourceInfo
from tasks.media.tools import Tools

BARS = 16
WIDTH, HEIGHT = 160, 90
LIMITS = RunLimits(wall_seconds=60, stall_seconds=30)
# Frames are quick to encode, and some are B-frames, which is where timestamps go wrong.
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "37", "-pix_fmt", "yuv420p")


def ffmpeg(tools: Tools, *arguments: str | Path, stdin: bytes = b"") -> bytes:
    command = [tools.ffmpeg, "-nostdin", "-hide_banner", "-loglevel", "error", "-y"]
    if stdin:
        command.remove("-nostdin")
    result = subprocess.run(
        [*command, *map(str, arguments)], input=stdin, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


def numbered(numbers: Iterable[int], width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """Raw gray frames that show these numbers."""
    frames = []
    for number in numbers:
        bars = (b"\xeb" if number >> bit & 1 else b"\x10" for bit in range(BARS))
        row = b"".join(bar * (width // BARS) for bar in bars)
        frames.append(row * height)
    return b"".join(frames)


def raw_input(rate: str, width: int = WIDTH, height: int = HEIGHT) -> list[str]:
    """Input options for the frames of `numbered`."""
    return [
        *("-f", "rawvideo", "-pixel_format", "gray", "-video_size", f"{width}x{height}"),
        *("-framerate", rate, "-i", "-"),
    ]


def numbered_clip(
    tools: Tools,
    path: Path,
    rate: str,
    frames: int,
    *options: str | Path,
    codec: Sequence[str] = X264,
) -> Path:
    """A clip of numbered frames at a constant rate; `options` come before the codec's."""
    source = numbered(range(frames))
    ffmpeg(tools, *raw_input(rate), *options, *codec, path, stdin=source)
    return path


def readable(path: Path) -> list[str]:
    """Input options of ffmpeg and ffprobe for a playlist of ours, or any other file."""
    extensions = ["-allowed_extensions", "ALL"] if path.suffix == ".m3u8" else []
    return [*extensions, "-i", str(path)]


def read_numbers(tools: Tools, playlist: Path, *filters: str) -> list[int]:
    """Decode a stream and read each frame's number off its bars."""
    chain = ",".join([*filters, f"scale={BARS}:1:flags=area", "format=gray"])
    raw = ffmpeg(
        tools,
        *readable(playlist),
        *("-fps_mode", "passthrough", "-vf", chain, "-f", "rawvideo", "-"),
    )
    frames = (raw[at : at + BARS] for at in range(0, len(raw), BARS))
    return [sum((level > 127) << bit for bit, level in enumerate(frame)) for frame in frames]


@dataclass
class Stream:
    """A source that went through the pipeline."""

    folder: Path
    info: SourceInfo
    plan: Plan
    chunks: list[ChunkOutput]
    renditions: tuple[RenditionOutput, ...]
    playlists: dict[str, str]

    @property
    def frames(self) -> int:
        return sum(chunk.frames for chunk in self.chunks)

    def playlist(self, rendition: str | None = None) -> Path:
        return self.folder / (rendition or self.renditions[0].name) / "playlist.m3u8"

    def sizes(self) -> dict[str, int]:
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.stat().st_size for path in files}


def transcode(
    tools: Tools,
    source: Path,
    folder: Path,
    chunk_seconds: float | None = 6,
    preset: str = "ultrafast",
) -> Stream:
    """The pipeline without its queue: probe, plan, every chunk, audio, playlists."""
    seen = survey(source, tools, ProbeLimits())
    info = seen.info
    source = conformed(source, info.repair, tools, LIMITS)
    plan = make_plan(info, points=seen.points, target_chunk_seconds=chunk_seconds)
    for needed in commands.output_folders(plan, folder):
        needed.mkdir(parents=True, exist_ok=True)
    chunks = []
    # Backwards: a chunk may depend on nothing that another one leaves behind.
    for chunk in reversed(plan.chunks):
        output = encode_pictures(
            source, info, plan, chunk, folder, tools, preset=preset, limits=LIMITS
        )
        chunks.append(output)
    renditions = segments.join(plan, chunks)
    if plan.audio:
        renditions = (
            *renditions,
            *encode_sound(source, info, plan, folder, tools, limits=LIMITS).renditions,
        )
    texts = playlists.all_playlists(plan, renditions)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return Stream(folder, info, plan, chunks, renditions, texts)


def packet_times(tools: Tools, path: Path) -> tuple[list[int], Fraction]:
    """Presentation times of a single-stream file or playlist, sorted, in ticks; and the tick."""
    output = subprocess.run(
        [
            *(tools.ffprobe, "-v", "error", *readable(path)),
            *("-show_entries", "packet=pts:stream=time_base", "-of", "json"),
        ],
        capture_output=True,
        check=True,
    ).stdout
    document = json.loads(output)
    times = sorted(packet["pts"] for packet in document["packets"])
    return times, Fraction(document["streams"][0]["time_base"])


def show_stream(tools: Tools, path: Path) -> dict[str, object]:
    """What ffprobe says of the first stream."""
    output = subprocess.run(
        [
            *(tools.ffprobe, "-v", "error", *readable(path)),
            *("-show_streams", "-of", "json"),
        ],
        capture_output=True,
        check=True,
    ).stdout
    stream: dict[str, object] = json.loads(output)["streams"][0]
    return stream
