"""Speech by pocketsphinx: small, offline, American English, and often wrong."""

import re
import wave
from collections.abc import Iterator
from pathlib import Path

from pocketsphinx import Decoder, Endpointer

from tasks.analysis.providers.music import is_music
from tasks.analysis.providers.provider import Watch
from tasks.analysis.values import Transcript, Word

ENGINE = "PocketSphinx, American English"
#: Frames of speech a second in a decoder's answers.
FRAMES = 100
#: Longest stretch that is decoded at once, in seconds: a decoder's memory grows with it.
LONGEST = 30.0
#: Seconds of silence that end an utterance for certain.
SILENCE = 1.0
#: ``was(2)`` is another way to say ``was``; ``<sil>`` and ``[NOISE]`` are no words.
_VARIANT = re.compile(r"\(\d+\)$")
_NO_WORD = re.compile(r"[<\[+]")


def transcribe(sound: Path, seconds: float, watch: Watch) -> Transcript:
    """What it takes for words in a WAV of one channel and 16 bit. Raises Stopped."""
    words: list[Word] = []
    with wave.open(str(sound)) as audio:
        rate = audio.getframerate()
        decoder = Decoder(samprate=rate, loglevel="FATAL")
        ears = Endpointer(sample_rate=rate)
        heard = begin = 0.0
        utterance = b""
        speaking = went_on = False
        for frame in _frames(audio, ears.frame_bytes):
            watch.check()
            heard += len(frame) / 2 / rate
            speech = ears.process(frame)
            if speech is None:
                continue
            if not speaking:
                begin = begin + len(utterance) / 2 / rate if went_on else ears.speech_start
                utterance = b""
                decoder.start_utt()
            decoder.process_raw(speech)
            utterance += speech
            # Where nobody breathes for long, it goes on with another utterance.
            went_on = ears.in_speech
            speaking = went_on and len(utterance) < LONGEST * 2 * rate
            if not speaking:
                decoder.end_utt()
                found = _words(decoder, begin)
                # It finds words in everything.
                words += [] if is_music(utterance, rate, len(found)) else found
            watch.report(min(1.0, heard / seconds) if seconds else 1.0)
    language = "en" if words else ""
    return Transcript(engine=ENGINE, rough=True, language=language, words=tuple(words))


def _frames(audio: wave.Wave_read, size: int) -> Iterator[bytes]:
    """The sound in frames of so many bytes, and a silence in which the last word ends."""
    while data := audio.readframes(size // 2):
        yield data.ljust(size, b"\0")
    for _ in range(int(SILENCE * audio.getframerate() * 2 / size)):
        yield bytes(size)


def _words(decoder: Decoder, begin: float) -> list[Word]:
    found = []
    for segment in decoder.seg() or ():
        if _NO_WORD.match(segment.word):
            continue
        found.append(
            Word(
                text=_VARIANT.sub("", segment.word),
                start=round(begin + segment.start_frame / FRAMES, 3),
                end=round(begin + (segment.end_frame + 1) / FRAMES, 3),
            )
        )
    return found
