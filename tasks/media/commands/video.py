"""The pictures of a chunk, in every rendition, with its thumbnails."""

from fractions import Fraction
from pathlib import Path
from typing import Any

from tasks.media import filters
from tasks.media.commands.common import (
    CLOCK_OFFSET_SECONDS,
    compiled,
    hls_options,
    pictures_from,
    video_of,
)
from tasks.media.ladder import Rung
from tasks.media.plan import PLAYLIST, THUMBNAIL_FOLDER, THUMBNAIL_PATTERN, Chunk, Plan
from tasks.media.source import SourceInfo, VideoInfo
from tasks.media.timing import EVEN_SHARE, EVEN_WITHIN
from tasks.media.tools import Tools

QUARTER_FRAME = Fraction(1, 4)
# Frames for which the last picture of a variable rate may stay, at most.
_LAST_FRAME_STAYS = 2
DEFAULT_PRESET = "veryfast"


def chunk_command(
    source: Path,
    info: SourceInfo,
    plan: Plan,
    chunk: Chunk,
    out_dir: Path,
    tools: Tools,
    *,
    preset: str = DEFAULT_PRESET,
    threads: int | None = None,
    hold: int = 0,
) -> list[str]:
    """Decode one chunk once and write it in every rendition, plus its thumbnails.

    Writes `<rung>/init.mp4` and `<rung>/seg_00012.m4s` below `out_dir` (with a `playlist.m3u8` of
    this chunk alone, which nobody needs), and `thumbs/thumb_00012.jpg`, both numbered through the
    whole film. The folders must exist: see `output_folders`. `hold` is how many frames the last
    picture may stay where the source ends early.
    """
    video = video_of(info)
    frames = _chunk_frames(source, info, plan, chunk, hold)
    first_thumbnail = plan.thumbnails_before(chunk.first_frame)
    has_thumbnail = first_thumbnail < plan.thumbnails_before(chunk.first_frame + chunk.frames)
    branches = frames.filter_multi_output("split", len(plan.rungs) + has_thumbnail)
    outputs = [
        _rung_output(branches.stream(i), video, rung, plan, chunk, out_dir, preset, threads)
        for i, rung in enumerate(plan.rungs)
    ]
    if has_thumbnail:  # last: ffmpeg reports the frame count of its first output
        branch = branches.stream(len(plan.rungs))
        outputs.append(_thumbnail_output(branch, video, plan, chunk, first_thumbnail, out_dir))
    return compiled(outputs, tools)


def output_folders(plan: Plan, out_dir: Path) -> tuple[Path, ...]:
    """The folders that must exist before the commands run: ffmpeg makes none."""
    names = [rung.name for rung in plan.rungs]
    if plan.rungs:
        names.append(THUMBNAIL_FOLDER)
    names += [audio.name for audio in plan.sounds]
    return tuple(out_dir / name for name in names)


def _chunk_frames(source: Path, info: SourceInfo, plan: Plan, chunk: Chunk, hold: int) -> Any:
    """The chunk's frames: upright, progressive, SDR, at the plan's rate, the first at time 0."""
    video, rate = video_of(info), plan.rate.fraction
    begins = (chunk.first_frame - QUARTER_FRAME) / rate
    start = Fraction(video.start_time).limit_denominator(1_000_000) + begins
    frames = pictures_from(source, info, chunk.read_from).filter(
        "setpts", f"PTS-({start.numerator}/{start.denominator})/TB"
    )
    if video.evened:
        frames = frames.filter("settb", "1/1000000").filter("setpts", _evened(rate))
    moving = plan.frames - plan.held_frames
    stays = max(0, chunk.first_frame + chunk.frames - moving) + hold if plan.held_frames else hold
    if video.is_vfr or plan.rate != video.rate:
        # How long the last frame stays, ffmpeg before 6 does not tell the fps filter.
        stays += _LAST_FRAME_STAYS
    if chunk.first_frame < moving:
        frames = frames.filter("fps", plan.rate, start_time=0)
        if stays:
            frames = frames.filter("tpad", stop=stays, stop_mode="clone")
    else:
        # Nothing but the last picture, which is shown before the chunk begins.
        frames = frames.filter("fps", plan.rate)
        frames = frames.filter("tpad", stop=stays, stop_mode="clone").filter("trim", start_pts=0)
    frames = frames.filter("setpts", f"N/({plan.rate})/TB").filter("trim", end_frame=chunk.frames)
    return filters.chain(frames, filters.to_sdr(video))


def _evened(rate: Fraction) -> str:
    """`timing.even` as an expression of the setpts filter, in microseconds."""
    step = float(1_000_000 / rate)
    follow = f"if(lt(abs(ld(1)),{EVEN_WITHIN * step:.3f}),ld(0)+{EVEN_SHARE}*ld(1),PTS)"
    return f"if(eq(N,0),PTS,st(0,PREV_OUTPTS+{step:.3f});st(1,PTS-ld(0));{follow})"


def _rung_output(
    branch: Any,
    video: VideoInfo,
    rung: Rung,
    plan: Plan,
    chunk: Chunk,
    out_dir: Path,
    preset: str,
    threads: int | None,
) -> Any:
    picture = filters.chain(branch, filters.to_picture(video, rung.width, rung.height))
    folder = out_dir / rung.name
    options: dict[str, Any] = {
        "frames:v": chunk.frames,
        **encoder_options(rung, plan, preset),
        **_key_frames(plan, chunk),
        "color_primaries": "bt709",
        "color_trc": "bt709",
        "colorspace": "bt709",
        "color_range": "tv",
        # Captions inside of the picture are not passed on: the master says that there are none.
        "a53cc": 0,
        "output_ts_offset": _seconds(chunk.first_frame / plan.rate.fraction + CLOCK_OFFSET_SECONDS),
        "map_metadata": -1,
        "map_chapters": -1,
        **hls_options(folder, plan.segment_seconds, chunk.first_segment),
    }
    if threads is not None:
        options["threads:v"] = threads
    return picture.output(str(folder / PLAYLIST), **options)


def encoder_options(rung: Rung, plan: Plan, preset: str) -> dict[str, Any]:
    """Options of the H.264 encoder for a rung; the benchmark's plain ffmpeg takes the same."""
    return {
        "c:v": "libx264",
        "preset": preset,
        "profile:v": rung.profile,
        "level:v": rung.level,
        "crf": rung.crf,
        "maxrate": rung.maxrate,
        "bufsize": rung.bufsize,
        "pix_fmt": "yuv420p",
        "g": plan.gop,
        "keyint_min": plan.gop,
        "sc_threshold": 0,
        "flags": "+cgop",
    }


def _key_frames(plan: Plan, chunk: Chunk) -> dict[str, Any]:
    """Options in place of a key frame each GOP, where the chunk's last segment has a rest."""
    rest = plan.segment_length(chunk, chunk.first_segment + chunk.segments - 1)
    if rest <= plan.segment_frames:
        return {}
    # The muxer cuts at any key frame that is due: one before the rest would make it a segment.
    due = f"lt(n,{(chunk.segments * plan.segment_frames)})*not(mod(n,{plan.gop}))"
    return {"g": plan.segment_frames * 2, "force_key_frames": f"expr:{due}"}


def _thumbnail_output(
    branch: Any, video: VideoInfo, plan: Plan, chunk: Chunk, first: int, out_dir: Path
) -> Any:
    every = plan.thumbnail_frames
    picture = branch.filter("select", f"not(mod(n+{chunk.first_frame},{every}))")
    picture = filters.chain(
        picture, filters.to_picture(video, plan.thumbnail_width, plan.thumbnail_height)
    )
    return picture.output(
        str(out_dir / THUMBNAIL_FOLDER / THUMBNAIL_PATTERN),
        **{
            "c:v": "mjpeg",
            "q:v": 5,
            "fps_mode": "passthrough",
            "start_number": first,
            "map_metadata": -1,
            "format": "image2",
        },
    )


def _seconds(value: Fraction) -> str:
    return f"{float(value):.6f}"
