"""ffmpeg's command lines for listening and looking, as values. Nothing here runs anything.

All times are on the stream's own clock: zero is the first picture, as in ``tasks.media.commands``.
"""

from pathlib import Path
from typing import Any

import ffmpeg

from tasks.media.commands import compiled, reading
from tasks.media.plan import make_plan
from tasks.media.source import SourceInfo
from tasks.media.tools import Tools

#: Samples a second: what all recognisers of speech are trained with.
SAMPLE_RATE = 16_000
#: Percent by which a picture must differ from the one before for a cut.
CUT_THRESHOLD = 10
#: Pictures are compared at this width: faces do not matter, cuts do.
LOOK_WIDTH = 320
#: What a frame's metadata calls the time of a cut.
_CUT = "lavfi.scd.time"


def sound_command(source: Path, info: SourceInfo, out_file: Path, tools: Tools) -> list[str]:
    """Writes the sound that players hear as a WAV: one channel, 16 bit. The source has sound."""
    audio = make_plan(info).audio
    if audio is None:
        raise ValueError("the source has no sound")
    stream = next(s for s in info.audio if s.index == audio.stream_index)
    start = info.video.start_time if info.video else stream.start_time
    sound = (
        ffmpeg.input(str(source), copyts=None, **reading(info))[str(audio.stream_index)]
        .filter("asetpts", f"PTS-({start:.6f})/TB")
        .filter("aresample", SAMPLE_RATE, **{"async": 1, "first_pts": 0})
        .filter("aformat", sample_fmts="s16", channel_layouts="mono")
    )
    return compiled([sound.output(str(out_file), format="wav", acodec="pcm_s16le")], tools)


def piece_command(
    sound: Path, begins: float, seconds: float, out_file: Path, tools: Tools
) -> list[str]:
    """Writes a stretch of a WAV as AAC, small enough to be sent."""
    read = ffmpeg.input(str(sound), format="wav", ss=f"{begins:.3f}", t=f"{seconds:.3f}")
    output = read["a:0"].output(str(out_file), **{"c:a": "aac", "b:a": "48k", "format": "ipod"})
    return compiled([output], tools)


def cuts_command(source: Path, info: SourceInfo, out_file: Path, tools: Tools) -> list[str]:
    """Writes where the picture changes at once; ``read_cuts`` reads it. The source has a picture.

    No frame is dropped, so that progress is seen however long a scene is.
    """
    if info.video is None:
        raise ValueError("the source has no picture")
    pictures = (
        ffmpeg.input(str(source), copyts=None, **reading(info))[str(info.video.index)]
        .filter("setpts", f"PTS-({info.video.start_time:.6f})/TB")
        .filter("scale", LOOK_WIDTH, -2, flags="fast_bilinear")
        .filter("scdet", threshold=CUT_THRESHOLD)
        .filter("metadata", mode="print", key=_CUT, file=str(out_file))
    )
    nothing: dict[str, Any] = {"format": "null", "fps_mode": "passthrough"}
    return compiled([pictures.output("-", **nothing)], tools)


def read_cuts(text: str, duration: float) -> tuple[float, ...]:
    """The seconds of the cuts that ``cuts_command`` wrote, those inside of the video."""
    found = set()
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name == _CUT:
            try:
                found.add(round(float(value), 3))
            except ValueError:
                continue
    return tuple(sorted(cut for cut in found if 0 < cut < duration))
