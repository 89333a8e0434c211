"""Speech by faster-whisper, with a model that lies in a folder: nothing is downloaded."""

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import WhisperModel

from tasks.analysis.providers import whisper_folder
from tasks.analysis.providers.provider import ProviderFailed, Watch
from tasks.analysis.values import Transcript, Word
from tasks.analysis.writing import SPACELESS
from tasks.media.language import tag

#: Seconds of sound that are listened to at once: its spectrum takes 42 MB a minute.
PIECE_SECONDS = 600
#: A piece ends where its last seconds are quietest, so that no word is cut; blocks of seconds.
LOOK_BACK, BLOCK = 20, 0.2
#: Shortest word, in seconds.
SHORTEST = 0.01


def transcribe(sound: Path, seconds: float, model: Path, watch: Watch) -> Transcript:
    """What is said in a WAV. Raises ProviderFailed where the model cannot be used, Stopped."""
    try:
        found = whisper_folder.inspect_folder(model)
    except whisper_folder.NotAModel as problem:
        raise ProviderFailed(f"DAILIES_WHISPER_MODEL cannot be used. {problem}") from None
    listener = _load(found)
    words: list[Word] = []
    language = None
    try:
        for begin, samples in _pieces(sound):
            watch.check()
            segments, info = listener.transcribe(
                samples, language=language, word_timestamps=True, vad_filter=True
            )
            for segment in segments:
                watch.check()
                _add(words, segment, info.language, begin, seconds)
                done = begin + float(segment.end)
                watch.report(min(1.0, done / seconds) if seconds else 1.0)
            # What is "detected" where nobody speaks means nothing.
            language = info.language if words else None
    except MemoryError:
        raise ProviderFailed(_too_big(found)) from None
    except (OSError, RuntimeError, ValueError) as error:
        raise ProviderFailed(f"The Whisper model {found.name} failed: {error}"[:500]) from error
    engine = f"Whisper ({found.name})"
    return Transcript(engine=engine, language=tag(language or "") or "", words=tuple(words))


def _load(found: whisper_folder.WhisperFolder) -> WhisperModel:
    try:
        return WhisperModel(str(found.path), device="auto", local_files_only=True)
    except MemoryError:
        raise ProviderFailed(_too_big(found)) from None
    # One of its libraries raises nothing narrower.
    except Exception as error:
        problem = f"The Whisper model in {found.path} cannot be loaded: {error}"
        raise ProviderFailed(problem[:500]) from error


def _too_big(found: whisper_folder.WhisperFolder) -> str:
    return (
        f"There is not enough memory for the Whisper model {found.name} ({found.size / 1e6:,.0f}"
        " MB): take a smaller one, or let the worker do less at a time (DAILIES_WORKER_THREADS)."
    )


def _pieces(sound: Path) -> Iterator[tuple[float, np.ndarray]]:
    """The samples (-1 to 1) in pieces, each with the second at which it begins."""
    with wave.open(str(sound)) as audio:
        rate = audio.getframerate()
        begin, piece = 0, np.empty(0, np.float32)
        while True:
            data = audio.readframes(PIECE_SECONDS * rate - len(piece))
            more = np.frombuffer(data, np.int16).astype(np.float32) / 32768
            piece = np.concatenate([piece, more])
            end = len(piece) if len(piece) < PIECE_SECONDS * rate else _quietest(piece, rate)
            if end:
                yield begin / rate, piece[:end]
            if len(piece) < PIECE_SECONDS * rate:
                return
            begin, piece = begin + end, piece[end:]


def _quietest(samples: np.ndarray, rate: int) -> int:
    """The sample in the middle of the quietest block of those that are looked back at."""
    block = int(BLOCK * rate)
    count = int(LOOK_BACK * rate) // block
    blocks = samples[len(samples) - count * block :].reshape(count, block)
    place = int(np.argmin(np.square(blocks).mean(axis=1)))
    return len(samples) - (count - place) * block + block // 2


def _add(words: list[Word], segment: Any, language: str, begin: float, seconds: float) -> None:
    """Adds a segment's words, on the time of the whole; what has no space before it is no word."""
    inside = False
    for each in segment.words or ():
        text = each.word.strip()
        if not text:
            continue
        start = max(0.0, begin + float(each.start))
        end = begin + float(each.end)
        if seconds:
            start, end = min(start, seconds - SHORTEST), min(end, seconds)
        end = max(end, start + SHORTEST)
        # "-known" and "%" come as words of their own.
        if inside and not each.word[:1].isspace() and language not in SPACELESS:
            start, text = words[-1].start, words.pop().text + text
        words.append(Word(text=text, start=round(start, 3), end=round(end, 3)))
        inside = True
