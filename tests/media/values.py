"""Sources and results as values, for the tests of pure functions."""

from fractions import Fraction
from typing import Any

from tasks.media.plan import Plan
from tasks.media.segments import IFrame, RenditionOutput, Segment
from tasks.media.source import AudioInfo, Rate, SourceInfo, VideoInfo


def video_info(**changes: Any) -> VideoInfo:
    rate = Fraction(changes.pop("rate", 25))
    frames = changes.pop("frames", 1500)
    width, height = changes.pop("size", (1920, 1080))
    values: dict[str, Any] = {
        "index": 0,
        "codec": "h264",
        "coded_width": width,
        "coded_height": height,
        "width": width,
        "height": height,
        "rotation": 0,
        "rate": Rate.of(rate),
        "is_vfr": False,
        "frame_count": frames,
        "start_time": 0.0,
        "duration": float(frames / rate),
        "pixel_format": "yuv420p",
        "bit_depth": 8,
        "color_transfer": "",
        "color_primaries": "",
        "color_space": "",
        "is_hdr": False,
        "field_order": "progressive",
        "interlaced": False,
    }
    return VideoInfo.model_validate({**values, **changes})


def audio_info(**changes: Any) -> AudioInfo:
    values: dict[str, Any] = {
        "index": 1,
        "codec": "aac",
        "channels": 6,
        "layout": "5.1",
        "sample_rate": 48_000,
        "language": "eng",
        "title": "",
        "start_time": 0.0,
        "default": True,
    }
    return AudioInfo.model_validate({**values, **changes})


def source_info(*audio: AudioInfo, **video: Any) -> SourceInfo:
    info = video_info(**video)
    return SourceInfo(
        kind="video",
        format_name="mov,mp4,m4a,3gp,3g2,mj2",
        duration=info.duration,
        size=1_000_000,
        video=info,
        audio=audio,
        subtitles=(),
    )


def rendition(plan: Plan, name: str, bytes_a_segment: int = 100_000) -> RenditionOutput:
    """What a rendition comes to when every segment is as large as the next."""
    rate = plan.rate.fraction
    segments = []
    for number, first in enumerate(range(0, plan.frames, plan.segment_frames)):
        frames = min(plan.segment_frames, plan.frames - first)
        seconds = float(frames / rate)
        iframes = () if name == "audio" else (IFrame(offset=76, length=9_000, duration=seconds),)
        segments.append(
            Segment(
                name=f"{name}/seg_{number:05}.m4s",
                duration=seconds,
                size=round(bytes_a_segment * frames / plan.segment_frames),
                frames=frames,
                iframes=iframes,
            )
        )
    return RenditionOutput(
        name=name,
        codecs="mp4a.40.2" if name == "audio" else "avc1.640028",
        init_name=f"{name}/init.mp4",
        init_sha256="0" * 64,
        frames=plan.frames,
        duration=float(plan.frames / rate),
        segments=tuple(segments),
    )
