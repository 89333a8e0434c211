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
  `scale` makes all pictures as large as the first.
- Pictures are turned and mirrored by our own filters (`-noautorotate`): ffmpeg's own cannot bear
  another size, and its versions differ in what they make of a display matrix.
"""

from tasks.media.commands.audio import (
    AAC_FRAME_SAMPLES,
    audio_command,
    audio_segments,
    decoded_audio_command,
    sound_options,
)
from tasks.media.commands.common import CLOCK_OFFSET_SECONDS, compiled, reading
from tasks.media.commands.pictures import poster_command, storyboard_command
from tasks.media.commands.streams import (
    conform_command,
    frames_command,
    listen_command,
    look_command,
    subtitles_command,
)
from tasks.media.commands.video import chunk_command, encoder_options, output_folders

__all__ = [
    "AAC_FRAME_SAMPLES",
    "CLOCK_OFFSET_SECONDS",
    "audio_command",
    "audio_segments",
    "chunk_command",
    "compiled",
    "conform_command",
    "decoded_audio_command",
    "encoder_options",
    "frames_command",
    "listen_command",
    "look_command",
    "output_folders",
    "poster_command",
    "reading",
    "sound_options",
    "storyboard_command",
    "subtitles_command",
]
