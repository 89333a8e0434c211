"""ffmpeg's command lines, as values. Nothing here runs anything.

The recipe for chunks, and why each part is there:

- Timestamps stay the source's own (`-copyts`, `-seek_timestamp 1`, `-noaccurate_seek`): a seek only
  decides where reading begins, and the `fps` filter, counting from the chunk's first frame, decides
  what belongs to it. So no container's idea of a start time, and no rounding, moves a seam.
- The grid begins a quarter of a frame before the first frame: half a frame would make frames that
  are a hair early or late fall to the wrong side, and a variable rate has frames at exact halves.
- `-output_ts_offset k/R + 10`: the chunk's place on the common clock; the ten seconds leave room
  for the B-frame delay before the first frame.
- `frag_discont`, or every chunk would start at zero.
- No `negative_cts_offsets`: an edit list takes back the B-frames' delay. ffmpeg's own demuxer, and
  with it ffprobe and many players, shows pictures late by that delay where there is no edit list.
- A picture may change its size on the way (recordings of calls, television). ffmpeg would begin all
  filters anew, and they would count from zero again: `-reinit_filter 0` keeps them, and a first
  `scale` makes all pictures as large as the first. Where pictures are turned, ffmpeg itself puts a
  filter before that one, which cannot bear another size: there it stays as it is.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from tasks.media import filters
from tasks.media.ladder import Rung
from tasks.media.plan import (
    INIT,
    PLAYLIST,
    SEGMENT_PATTERN,
    THUMBNAIL_FOLDER,
    THUMBNAIL_PATTERN,
    AudioPlan,
    Chunk,
    Plan,
)
from tasks.media.source import SourceInfo, VideoInfo
from tasks.media.storyboard import Sheet
from tasks.media.tools import Tools

CLOCK_OFFSET_SECONDS = 10
QUARTER_FRAME = Fraction(1, 4)
AAC_FRAME_SAMPLES = 1024
DEFAULT_PRESET = "veryfast"
# A segment is due so much early, or rounding could put the cut one GOP later.
_HAIR_SECONDS = 0.0001

# Demuxers that seek to a key frame by an index. The others (MPEG-TS, MPEG-PS, …) land anywhere in a
# GOP, and what is decoded until the next key frame is garbage: there, reading begins earlier.
_INDEXED = {"mov", "matroska", "webm", "avi", "flv"}
_PREROLL_SECONDS = 12

# ffmpeg sees local files only: what a container may name inside itself (a URL, another file by a
# protocol of its own) is never opened. `pipe` is for the progress report.
_PROTOCOLS = "file,pipe"


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
) -> list[str]:
    """Decode one chunk once and write it in every rendition, plus its thumbnails.

    Writes `<rung>/init.mp4` and `<rung>/seg_00012.m4s` below `out_dir` (with a `playlist.m3u8` of
    this chunk alone, which nobody needs), and `thumbs/thumb_00012.jpg`, both numbered through the
    whole film. The folders must exist: see `output_folders`.
    """
    video = _video(info)
    frames = _chunk_frames(source, info, plan, chunk)
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
        only = {"protocol_whitelist": _PROTOCOLS, "format": "nut"}
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
            **_hls(folder, plan.segment_seconds, 0),
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
    return 1 + int(begins / (plan.segment_seconds - _HAIR_SECONDS))


def _aac_frames(plan: Plan) -> int:
    length = Fraction(plan.frames, 1) / plan.rate.fraction if plan.frames else plan.duration
    return max(1, round(float(length) * _audio(plan).sample_rate / AAC_FRAME_SAMPLES))


def poster_command(
    source: Path,
    info: SourceInfo,
    out_file: Path,
    tools: Tools,
    *,
    at_seconds: float | None = None,
    width: int = 1280,
) -> list[str]:
    """Write one representative frame as a JPEG, at most `width` wide.

    It is looked for from `at_seconds` on: a tenth into the film (at most a minute) unless told.
    """
    video = _video(info)
    at = min(60.0, video.duration / 10) if at_seconds is None else at_seconds
    # Never so near the end that there is nothing left to choose from.
    at = max(0.0, min(at, video.duration - 1.0))
    picture = _pictures(source, info, Fraction(at).limit_denominator(1000))
    picture = picture.filter("setpts", f"PTS-({video.start_time + at:.6f})/TB")
    # trim drops what was decoded only because the key frame lies before.
    picture = picture.filter("trim", start=0).filter("thumbnail", n=24)
    picture = filters.chain(picture, filters.to_sdr(video))
    size = filters.fit_width(video, width)
    output = filters.chain(picture, filters.to_picture(video, *size)).output(
        str(out_file),
        **{"frames:v": 1, "c:v": "mjpeg", "q:v": 3, "map_metadata": -1, "format": "image2"},
        update=1,
    )
    return compiled([output], tools)


def storyboard_command(thumbs_dir: Path, sheet: Sheet, out_dir: Path, tools: Tools) -> list[str]:
    """Tile a sheet's thumbnails, which lie in `thumbs_dir`, to the sprite `sheet.name`."""
    tiles = ffmpeg.input(
        str(thumbs_dir / THUMBNAIL_PATTERN),
        format="image2",
        start_number=sheet.first,
        framerate=1,
        protocol_whitelist=_PROTOCOLS,
    )
    output = tiles.filter("tile", f"{sheet.columns}x{sheet.rows}").output(
        str(out_dir / sheet.name),
        **{"frames:v": 1, "c:v": "mjpeg", "q:v": 4, "map_metadata": -1, "format": "image2"},
        update=1,
    )
    return compiled([output], tools)


def subtitles_command(
    source: Path, info: SourceInfo, out_files: Mapping[int, Path], tools: Tools
) -> list[str]:
    """Write text tracks, named by their stream's index, as WebVTT on the source's own clock."""
    read = ffmpeg.input(str(source), copyts=None, **reading(info))
    outputs = [
        read[str(index)].output(str(path), **{"c:s": "webvtt", "format": "webvtt"})
        for index, path in out_files.items()
    ]
    return compiled(outputs, tools)


def decode_command(source: Path, info: SourceInfo, tools: Tools) -> list[str]:
    """Decode the first picture, or sound, and throw it away: does this ffmpeg know the codec?"""
    index = info.video.index if info.video else info.audio[0].index
    stream = ffmpeg.input(str(source), **reading(info))[str(index)]
    count = {"frames:v": 1} if info.video else {"frames:a": 1}
    return compiled([stream.output("-", format="null", **count)], tools)


def output_folders(plan: Plan, out_dir: Path) -> tuple[Path, ...]:
    """The folders that must exist before the commands run: ffmpeg makes none."""
    names = [rung.name for rung in plan.rungs]
    if plan.rungs:
        names.append(THUMBNAIL_FOLDER)
    if plan.audio:
        names.append(plan.audio.name)
    return tuple(out_dir / name for name in names)


def reading(info: SourceInfo) -> dict[str, Any]:
    # The demuxer that probing found, so that reading and probing cannot disagree.
    return {"protocol_whitelist": _PROTOCOLS, "format": info.format_name.split(",")[0]}


def _read(source: Path, info: SourceInfo, at: Fraction) -> Any:
    """Open for reading from `at` seconds after the first video frame, or some time before it."""
    seek: dict[str, Any] = {}
    if at > 0:
        preroll = 0 if _INDEXED & set(info.format_name.split(",")) else _PREROLL_SECONDS
        to = max(0.0, float(at) - preroll) + _video(info).start_time
        seek = {"ss": f"{to:.6f}", "seek_timestamp": 1, "noaccurate_seek": None}
    steady = {} if _video(info).rotation else {"noautorotate": None, "reinit_filter": 0}
    return ffmpeg.input(str(source), copyts=None, **seek, **steady, **reading(info))


def _pictures(source: Path, info: SourceInfo, at: Fraction) -> Any:
    """The pictures read by `_read`, all of one size and progressive."""
    video = _video(info)
    pictures = _read(source, info, at)[str(video.index)]
    if not video.rotation:
        pictures = pictures.filter("scale", w=video.coded_width, h=video.coded_height)
    return filters.chain(pictures, filters.deinterlace(video))


def _chunk_frames(source: Path, info: SourceInfo, plan: Plan, chunk: Chunk) -> Any:
    """The chunk's frames: upright, progressive, SDR, at the plan's rate, the first at time 0."""
    video, rate = _video(info), plan.rate.fraction
    begins = (chunk.first_frame - QUARTER_FRAME) / rate
    start = Fraction(video.start_time).limit_denominator(1_000_000) + begins
    frames = (
        _pictures(source, info, begins)
        .filter("setpts", f"PTS-({start.numerator}/{start.denominator})/TB")
        .filter("fps", plan.rate, start_time=0)
        .filter("setpts", f"N/({plan.rate})/TB")
    )
    if video.is_vfr or plan.rate != video.rate:
        # How long the last frame stays, ffmpeg before 6 does not tell the fps filter.
        frames = frames.filter("tpad", stop=2, stop_mode="clone")
    frames = frames.filter("trim", end_frame=chunk.frames)
    return filters.chain(frames, filters.to_sdr(video))


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
        "color_primaries": "bt709",
        "color_trc": "bt709",
        "colorspace": "bt709",
        "color_range": "tv",
        "output_ts_offset": _seconds(chunk.first_frame / plan.rate.fraction + CLOCK_OFFSET_SECONDS),
        "map_metadata": -1,
        "map_chapters": -1,
        **_hls(folder, plan.segment_seconds, chunk.first_segment),
    }
    if threads is not None:
        options["threads:v"] = threads
    return picture.output(str(folder / PLAYLIST), **options)


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


def _hls(folder: Path, segment_seconds: float, first: int) -> dict[str, Any]:
    return {
        "format": "hls",
        "hls_time": f"{segment_seconds - _HAIR_SECONDS:.6f}",
        "hls_playlist_type": "vod",
        "hls_segment_type": "fmp4",
        "hls_segment_options": "movflags=+frag_discont",
        "hls_fmp4_init_filename": INIT,
        "hls_segment_filename": str(folder / SEGMENT_PATTERN),
        "start_number": first,
    }


def compiled(outputs: Iterable[Any], tools: Tools) -> list[str]:
    merged = ffmpeg.merge_outputs(*outputs).global_args(
        "-nostdin",
        "-hide_banner",
        *("-loglevel", "warning"),
        *("-progress", "pipe:1"),
        *("-stats_period", "0.5"),
        "-nostats",
    )
    return list(merged.compile(cmd=tools.ffmpeg, overwrite_output=True))


def _seconds(value: Fraction) -> str:
    return f"{float(value):.6f}"


def _video(info: SourceInfo) -> VideoInfo:
    if info.video is None:
        raise ValueError("the source has no video")
    return info.video


def _audio(plan: Plan) -> AudioPlan:
    if plan.audio is None:
        raise ValueError("the plan has no audio")
    return plan.audio
