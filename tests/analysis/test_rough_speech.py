"""PocketSphinx: what it hears in speech stays, what it hears in music goes."""

import math
import threading
from array import array
from pathlib import Path

import pytest

from tasks.analysis.providers import Watch, sphinx
from tasks.analysis.providers.music import FEWEST_PAUSES, SLOWEST, is_music, pauses
from tasks.media.tools import Tools
from tests.analysis.clips import SPOKEN
from tests.media.clips import ffmpeg

RATE = 16_000
DEMO = Path(__file__).parents[2] / "webapp" / "demo" / "bigbuckbunny.mp4"


def wav(tools: Tools, source: Path, path: Path) -> Path:
    ffmpeg(tools, "-i", source, "-vn", "-ac", "1", "-ar", f"{RATE}", "-c:a", "pcm_s16le", path)
    return path


def chord(seconds: float) -> bytes:
    """Two tones that swell together every half second and never stop."""
    return array(
        "h",
        (
            int(
                8000
                * (0.75 + 0.25 * math.sin(4 * math.pi * at / RATE))
                * (math.sin(440 * math.tau * at / RATE) + math.sin(660 * math.tau * at / RATE))
            )
            for at in range(int(seconds * RATE))
        ),
    ).tobytes()


def test_the_music_of_the_demo_has_no_words(tools: Tools, tmp_path: Path) -> None:
    sound = wav(tools, DEMO, tmp_path / "sound.wav")
    found = sphinx.transcribe(sound, 5.3, Watch(threading.Event(), lambda _share: None))
    assert (found.words, found.language) == ((), "")


def test_speech_has_pauses_and_a_chord_has_none(tools: Tools, tmp_path: Path) -> None:
    sound = wav(tools, SPOKEN, tmp_path / "sound.wav").read_bytes()[44:]
    assert pauses(sound, RATE) > FEWEST_PAUSES
    # However slowly somebody speaks, and whatever the noise that he speaks over.
    assert not is_music(sound, RATE, 1)
    assert pauses(chord(3), RATE) == 0
    assert is_music(chord(3), RATE, int(3 * SLOWEST))
    assert not is_music(chord(3), RATE, int(3 * SLOWEST) + 1)


@pytest.mark.parametrize("frames", [0, 1, 319, 321])
def test_next_to_no_sound_is_no_trouble(frames: int) -> None:
    assert 0 <= pauses(bytes(2 * frames), RATE) <= 1
