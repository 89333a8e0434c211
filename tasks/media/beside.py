"""Where the sound of a source begins and ends beside its pictures."""

from collections.abc import Sequence

from tasks.media.packets import Track
from tasks.media.source import VideoInfo

#: Seconds by which sound may be longer than the pictures without the last of them being held.
#: Encoders fill up their last block, and many films have a little more sound than pictures.
LONGER_SECONDS = 0.5
#: Seconds of sound before the first picture that are worth a line in the log.
EARLIER_SECONDS = 0.1
# A track whose times span more than this factor of what its packets last has a broken clock.
_BROKEN = 1.5
_BROKEN_SECONDS = 60.0


def beside_sound(video: VideoInfo, sound: Sequence[Track]) -> tuple[VideoInfo, list[str]]:
    """The video with its last picture held for as long as sound goes on, and what to say of it.

    `sound` are the packets of the audio tracks, the main one first.
    """
    notes: list[str] = []
    believed = [track for track in sound if _is_steady(track)]
    ends = video.start_time + video.duration
    longer = max((track.ends for track in believed), default=ends) - ends
    if longer > LONGER_SECONDS:
        video = video.model_copy(update={"held": longer})
        notes.append(
            f"The sound goes on for {longer:.1f} s after the last picture, which stays until then."
        )
    earlier = video.start_time - min((track.begins for track in believed[:1]), default=ends)
    if earlier > EARLIER_SECONDS:
        notes.append(
            f"The first {earlier:.1f} s of sound come before the first picture and are left out."
        )
    return video, notes


def _is_steady(track: Track) -> bool:
    lasts = float(track.lasts * track.time_base)
    return lasts > 0 and track.seconds <= lasts * _BROKEN + _BROKEN_SECONDS
