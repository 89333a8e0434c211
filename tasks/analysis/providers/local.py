"""The provider that needs no network: nothing of a video leaves the machine."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tasks.analysis.outline import write_texts
from tasks.analysis.providers.provider import NoSpeech, ProviderFailed, Watch
from tasks.analysis.values import Material, Outline, StepDraft, Transcript

#: What people are told who have nothing that listens.
NOTHING = (
    "Nothing that understands speech is installed, so there is no transcript: install the extra"
    " “speech”, or the extra “whisper” and set DAILIES_WHISPER_MODEL."
)
NO_WHISPER = "DAILIES_WHISPER_MODEL is set, but the extra “whisper” is not installed."


class Local:
    """faster-whisper where a ``model`` folder is given, else pocketsphinx."""

    name = "local"

    def __init__(self, model: Path | None = None) -> None:
        self._model = model

    def transcribe(self, sound: Path, seconds: float, watch: Watch) -> Transcript:
        """What is said. Raises NoSpeech where nothing is installed that listens."""
        if self._model is not None:
            if find_spec("faster_whisper") is None:
                raise NoSpeech(NO_WHISPER)
            try:
                from tasks.analysis.providers import whisper
            except ImportError as error:
                raise ProviderFailed(f"faster-whisper does not start: {error}"[:500]) from error

            return whisper.transcribe(sound, seconds, self._model, watch)
        if find_spec("pocketsphinx") is None:
            raise NoSpeech(NOTHING)
        from tasks.analysis.providers import sphinx

        return sphinx.transcribe(sound, seconds, watch)

    def write(self, material: Material, steps: Sequence[StepDraft], watch: Watch) -> Outline:
        """Titles of key phrases, summaries of what is said."""
        return write_texts(material, steps)
