"""The source of the benchmarks: film-like pictures in 1080p30, from the clip that is shipped."""

import subprocess
from pathlib import Path

from bench.options import CannotMeasure
from tasks.media.tools import Tools
from webapp.demo import CLIP

RATE = 30
#: Of the source, as a studio hands it over: XDCAM HD422 and the like have 50 Mbit/s. What reading
#: it costs decides what it is worth to decode once, instead of once for each rendition.
BITRATE = "50M"


def make_clip(path: Path, seconds: int, tools: Tools, bitrate: str = BITRATE) -> None:
    """Writes ``seconds`` of H.264 1080p30 with AAC stereo to ``path``.

    The shipped clip in a loop, each turn of it cut and moved otherwise, with film grain: without
    grain the scaled pictures would be easier to encode than any camera's. Raises CannotMeasure.
    """
    pictures = ",".join(
        [
            # Each picture once, at 30 a second: repeated ones would cost an encoder nothing.
            f"setpts=N/{RATE}/TB",
            f"fps={RATE}",
            "scale=2112:1188:flags=bicubic",
            "crop=1920:1080:x='96+90*sin(n/47)':y='54+50*cos(n/61)'",
            "noise=c0s=3:c0f=t",
            "format=yuv420p",
            "setsar=1",
        ]
    )
    command = [
        *(tools.ffmpeg, "-nostdin", "-hide_banner", "-loglevel", "error", "-y"),
        *("-stream_loop", "-1", "-i", str(CLIP)),
        *("-f", "lavfi", "-i", f"anoisesrc=color=pink:amplitude=0.2:duration={seconds}"),
        *("-map", "0:v:0", "-map", "1:a:0", "-vf", pictures, "-frames:v", str(seconds * RATE)),
        *("-c:v", "libx264", "-preset", "superfast", "-g", "15"),
        *("-b:v", bitrate, "-minrate", bitrate, "-maxrate", bitrate, "-bufsize", bitrate),
        *("-c:a", "aac", "-b:a", "160k", "-ac", "2", "-ar", "48000"),
        *("-movflags", "+faststart", str(path)),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise CannotMeasure(f"the clip could not be made:\n{result.stderr[-2000:]}")
