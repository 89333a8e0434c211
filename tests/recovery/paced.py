"""An ffmpeg that takes its time."""

import stat
from pathlib import Path

#: As fast as the machine can.
FAST = 1000.0


def paced(ffmpeg: str, script: Path, times: float) -> Path:
    """An ffmpeg that encodes pictures at ``times`` real time on any machine that can keep up.

    So a test that acts in the middle of an encoding finds one, and the processor stays free.
    """
    # Renamed into its place: whoever starts it meanwhile gets one or the other, whole.
    draft = script.with_suffix(".draft")
    draft.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        "  *libx264*hls_segment_type*|*hls_segment_type*libx264*)\n"
        f'    exec "{ffmpeg}" -readrate {times:g} "$@" ;;\n'
        f'  *) exec "{ffmpeg}" "$@" ;;\n'
        "esac\n"
    )
    draft.chmod(draft.stat().st_mode | stat.S_IXUSR)
    return draft.rename(script)
