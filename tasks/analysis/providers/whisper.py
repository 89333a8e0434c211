"""Speech by faster-whisper, with a model that lies in a folder: nothing is downloaded."""

from pathlib import Path

from faster_whisper import WhisperModel

from tasks.analysis.providers.provider import ProviderFailed, Watch
from tasks.analysis.values import Transcript, Word


def transcribe(sound: Path, seconds: float, model: Path, watch: Watch) -> Transcript:
    """What is said in a WAV. Raises ProviderFailed where the model cannot be used, Stopped."""
    if not model.is_dir():
        raise ProviderFailed("DAILIES_WHISPER_MODEL is set, but names no folder.")
    try:
        listener = WhisperModel(
            str(model), device="auto", compute_type="default", local_files_only=True
        )
        segments, info = listener.transcribe(str(sound), word_timestamps=True, vad_filter=True)
        words: list[Word] = []
        for segment in segments:
            watch.check()
            words += [
                Word(text=word.word.strip(), start=float(word.start), end=float(word.end))
                for word in segment.words or ()
                if word.word.strip()
            ]
            watch.report(min(1.0, segment.end / seconds) if seconds else 1.0)
    except (OSError, RuntimeError, ValueError) as error:
        raise ProviderFailed(f"The Whisper model cannot be used: {error}"[:500]) from error
    engine = f"Whisper ({model.name})"
    return Transcript(engine=engine, language=info.language or "", words=tuple(words))
