"""The sound of a whole source."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from tasks.media.commands.common import (
    CLOCK_OFFSET_SECONDS,
    HAIR_SECONDS,
    PROTOCOLS,
    compiled,
    hls_options,
    reading,
)
from tasks.media.plan import PLAYLIST, Plan
from tasks.media.source import AudioInfo, SourceInfo
from tasks.media.tools import Tools
from tasks.media.tracks import AudioPlan

AAC_FRAME_SAMPLES = 1024
#: Largest sample of a track that was made louder: -1.5 dB, so that between samples it is below -1.
PEAK_LIMIT = 10 ** (-1.5 / 20)
# Holes are filled and overlaps cut where sound is this many seconds off, less than one lost packet
# of any codec; ffmpeg's own tenth of a second lets sound be early by four of them.
_IN_SYNC = {"async": 1, "min_hard_comp": 0.012}


def audio_command(
    source: Path,
    info: SourceInfo,
    plan: Plan,
    sounds: Sequence[AudioPlan],
    out_dir: Path,
    tools: Tools,
    *,
    decoded: Path | None = None,
    gain: float = 0.0,
) -> list[str]:
    """Encode sound tracks of the whole source in one run, each to a folder below `out_dir`.

    They begin with the first video frame, padded with silence or cut, and end with the last, to
    the nearest AAC frame (± 11 ms). `decoded` is what `decoded_audio_command` wrote of the one
    track, to be read instead of the source. `gain` in dB makes them louder, without clipping. The
    log tells how loud they are: see `loudness`.
    """
    if decoded is None:
        read = ffmpeg.input(str(source), copyts=None, **reading(info))
    else:
        only = {"protocol_whitelist": PROTOCOLS, "format": "nut"}
        read = ffmpeg.input(str(decoded), copyts=None, **only)
    outputs = []
    for audio in sounds:
        if decoded is not None:
            sound = _aligned(read["0"], plan, audio, _start(info, plan) + CLOCK_OFFSET_SECONDS)
        elif audio.right_index is None:
            sound = _mixed(read[str(audio.stream_index)], _info(info, audio.stream_index))
            sound = _aligned(sound, plan, audio, _start(info, plan))
        else:
            sides = [
                _aligned(read[str(index)], plan, audio, _start(info, plan), layout="mono")
                for index in (audio.stream_index, audio.right_index)
            ]
            sound = ffmpeg.filter(
                sides, "join", inputs=2, channel_layout="stereo", map="0.0-FL|1.0-FR"
            )
        outputs.append(_output(_measured(sound, plan, audio, gain), plan, audio, out_dir))
    return compiled(outputs, tools, log_level="info")


def decoded_audio_command(
    source: Path, info: SourceInfo, audio: AudioPlan, out_file: Path, tools: Tools
) -> list[str]:
    """Decode a track to stereo PCM in NUT, on the source's own clock and ten seconds.

    For sources whose sound changes its layout or rate on the way (television: 5.1 and stereo in
    turn). There ffmpeg begins all filters anew, and what pads and cuts in `audio_command` would
    count from zero again; nothing counts here.
    """
    read = ffmpeg.input(str(source), copyts=None, **reading(info))[str(audio.stream_index)]
    sound = (
        _mixed(read, _info(info, audio.stream_index))
        .filter("aresample", audio.sample_rate, **_IN_SYNC)
        .filter("aformat", sample_fmts="flt", channel_layouts="stereo")
    )
    options = {"c:a": "pcm_f32le", "format": "nut", "output_ts_offset": CLOCK_OFFSET_SECONDS}
    return compiled([sound.output(str(out_file), map_metadata=-1, **options)], tools)


def _mixed(sound: Any, info: AudioInfo) -> Any:
    """To stereo where ffmpeg knows no way by itself; else as it is."""
    return sound.filter("pan", args=info.mix) if info.mix else sound


def _aligned(
    sound: Any, plan: Plan, audio: AudioPlan, start: float, *, layout: str = "stereo"
) -> Any:
    """On the film's clock: as long as the plan, from the first picture on."""
    samples = _aac_frames(plan, audio) * AAC_FRAME_SAMPLES
    return (
        sound.filter("asetpts", f"PTS-({start:.6f})/TB")
        # first_pts pads or cuts the start; async fills holes and cuts overlaps in the middle.
        .filter("aresample", audio.sample_rate, first_pts=0, **_IN_SYNC)
        .filter("aformat", sample_fmts="fltp", channel_layouts=layout)
        .filter("apad", whole_len=samples)
        .filter("atrim", end_sample=samples)
    )


def _measured(sound: Any, plan: Plan, audio: AudioPlan, gain: float) -> Any:
    """Made louder, and measured as it is delivered."""
    if gain:
        sound = sound.filter("volume", f"{gain:.2f}dB").filter(
            "alimiter", limit=f"{PEAK_LIMIT:.4f}", level=0, attack=5, release=50
        )
    return (
        # The instance's name tells the tracks apart in the log.
        sound.filter(f"ebur128@{audio.name}", peak="true", framelog="verbose")
        .filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
        .filter("atrim", end_sample=_aac_frames(plan, audio) * AAC_FRAME_SAMPLES)
    )


def _output(sound: Any, plan: Plan, audio: AudioPlan, out_dir: Path) -> Any:
    folder = out_dir / audio.name
    return sound.output(
        str(folder / PLAYLIST),
        **{
            **sound_options(audio),
            # The encoder's warm-up frame, 21 ms of nothing, would come before the first picture.
            "bsf:a": "noise=drop=eq(n\\,0)",
            "output_ts_offset": CLOCK_OFFSET_SECONDS,
            "map_metadata": -1,
            "map_chapters": -1,
            **hls_options(folder, plan.segment_seconds, 0),
        },
    )


def sound_options(audio: AudioPlan) -> dict[str, Any]:
    """Options of the AAC encoder for a track; the benchmark's plain ffmpeg takes the same."""
    return {
        "c:a": "aac",
        "b:a": audio.bitrate,
        "ac": audio.channels,
        "ar": audio.sample_rate,
    }


def _start(info: SourceInfo, plan: Plan) -> float:
    """Seconds on the source's clock at which the film begins."""
    if info.video is not None:
        return info.video.start_time
    return _info(info, _audio(plan).stream_index).start_time


def _info(info: SourceInfo, index: int) -> AudioInfo:
    return next(track for track in info.audio if track.index == index)


def audio_segments(plan: Plan) -> int:
    """How many segments `audio_command` writes; each begins with the first AAC frame due."""
    audio = _audio(plan)
    begins = (_aac_frames(plan, audio) - 1) * AAC_FRAME_SAMPLES / audio.sample_rate
    return 1 + int(begins / (plan.segment_seconds - HAIR_SECONDS))


def _aac_frames(plan: Plan, audio: AudioPlan) -> int:
    length = Fraction(plan.frames, 1) / plan.rate.fraction if plan.frames else plan.duration
    return max(1, round(float(length) * audio.sample_rate / AAC_FRAME_SAMPLES))


def _audio(plan: Plan) -> AudioPlan:
    if plan.audio is None:
        raise ValueError("the plan has no audio")
    return plan.audio
