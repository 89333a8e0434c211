"""The sound of a whole source."""

from fractions import Fraction
from pathlib import Path

import ffmpeg

from tasks.media.commands.common import (
    CLOCK_OFFSET_SECONDS,
    HAIR_SECONDS,
    PROTOCOLS,
    compiled,
    hls_options,
    reading,
)
from tasks.media.plan import PLAYLIST, AudioPlan, Plan
from tasks.media.source import SourceInfo
from tasks.media.tools import Tools

AAC_FRAME_SAMPLES = 1024


def audio_command(
    source: Path,
    info: SourceInfo,
    plan: Plan,
    out_dir: Path,
    tools: Tools,
    *,
    decoded: Path | None = None,
) -> list[str]:
    """Encode the audio of the whole source at once, to `audio/` below `out_dir`.

    It begins with the first video frame, padded with silence or cut, and ends with the last, to
    the nearest AAC frame (± 11 ms). `decoded` is what `decoded_audio_command` wrote, to be read
    instead of the source.
    """
    audio = _audio(plan)
    stream = next(s for s in info.audio if s.index == audio.stream_index)
    start = info.video.start_time if info.video else stream.start_time
    samples = _aac_frames(plan) * AAC_FRAME_SAMPLES
    if decoded is None:
        read = ffmpeg.input(str(source), copyts=None, **reading(info))[str(audio.stream_index)]
    else:
        start += CLOCK_OFFSET_SECONDS
        only = {"protocol_whitelist": PROTOCOLS, "format": "nut"}
        read = ffmpeg.input(str(decoded), copyts=None, **only)["0"]
    sound = (
        read.filter("asetpts", f"PTS-({start:.6f})/TB")
        # first_pts pads or cuts the start; async fills holes and cuts overlaps in the middle.
        .filter("aresample", audio.sample_rate, **{"async": 1, "first_pts": 0})
        .filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
        .filter("apad", whole_len=samples)
        .filter("atrim", end_sample=samples)
    )
    folder = out_dir / audio.name
    output = sound.output(
        str(folder / PLAYLIST),
        **{
            "c:a": "aac",
            "b:a": audio.bitrate,
            "ac": audio.channels,
            "ar": audio.sample_rate,
            # The encoder's warm-up frame, 21 ms of nothing, would come before the first picture.
            "bsf:a": "noise=drop=eq(n\\,0)",
            "output_ts_offset": CLOCK_OFFSET_SECONDS,
            "map_metadata": -1,
            "map_chapters": -1,
            **hls_options(folder, plan.segment_seconds, 0),
        },
    )
    return compiled([output], tools)


def decoded_audio_command(
    source: Path, info: SourceInfo, plan: Plan, out_file: Path, tools: Tools
) -> list[str]:
    """Decode the audio to stereo PCM in NUT, on the source's own clock and ten seconds.

    For sources whose sound changes its layout or rate on the way (television: 5.1 and stereo in
    turn). There ffmpeg begins all filters anew, and what pads and cuts in `audio_command` would
    count from zero again; nothing counts here.
    """
    audio = _audio(plan)
    sound = (
        ffmpeg.input(str(source), copyts=None, **reading(info))[str(audio.stream_index)]
        .filter("aresample", audio.sample_rate, **{"async": 1})
        .filter("aformat", sample_fmts="flt", channel_layouts="stereo")
    )
    options = {"c:a": "pcm_f32le", "format": "nut", "output_ts_offset": CLOCK_OFFSET_SECONDS}
    return compiled([sound.output(str(out_file), map_metadata=-1, **options)], tools)


def audio_segments(plan: Plan) -> int:
    """How many segments `audio_command` writes; each begins with the first AAC frame due."""
    begins = (_aac_frames(plan) - 1) * AAC_FRAME_SAMPLES / _audio(plan).sample_rate
    return 1 + int(begins / (plan.segment_seconds - HAIR_SECONDS))


def _aac_frames(plan: Plan) -> int:
    length = Fraction(plan.frames, 1) / plan.rate.fraction if plan.frames else plan.duration
    return max(1, round(float(length) * _audio(plan).sample_rate / AAC_FRAME_SAMPLES))


def _audio(plan: Plan) -> AudioPlan:
    if plan.audio is None:
        raise ValueError("the plan has no audio")
    return plan.audio
