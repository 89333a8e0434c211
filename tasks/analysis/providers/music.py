"""Is a stretch of sound music rather than speech? Who speaks pauses between syllables."""

import numpy as np

#: Seconds of a frame, and frames of the second that it is compared with.
FRAME, SECOND = 0.02, 50
#: Frames quieter than this share of the mean of their second are pauses.
QUIET = 0.5
#: Speech has more pauses than this share (24 % and more; instruments that ring on, 0 to 23 %)...
FEWEST_PAUSES = 0.235
#: ...and more words a second than this (2.0 to 3.7; what is "heard" in music, up to 1.7).
SLOWEST = 1.9


def is_music(sound: bytes, rate: int, words: int) -> bool:
    """Of 16-bit samples in which so many words were heard.

    Both signs must say so: slow speech has pauses, and speech over noise has words.
    """
    seconds = len(sound) / 2 / rate
    return words < SLOWEST * seconds and pauses(sound, rate) < FEWEST_PAUSES


def pauses(sound: bytes, rate: int) -> float:
    """The share of frames that are pauses, from 0 to 1."""
    size = int(FRAME * rate)
    samples = np.frombuffer(sound, np.int16).astype(np.float32)
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    if not len(frames):
        return 0.0
    loud = np.sqrt(np.square(frames).mean(axis=1))
    # A rest of less than half a second goes with the second before it.
    parts = np.array_split(loud, max(1, round(len(loud) / SECOND)))
    return float(np.mean(np.concatenate([part < QUIET * part.mean() for part in parts])))
