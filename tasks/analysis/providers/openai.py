"""The provider behind an OpenAI-compatible endpoint: sound and words leave the machine."""

import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.analysis.commands import piece_command
from tasks.analysis.providers.openai_http import Endpoint
from tasks.analysis.providers.openai_text import (
    INSTRUCTIONS,
    language_tag,
    question,
    read_answer,
    read_heard,
    schema,
    words_of,
)
from tasks.analysis.providers.provider import NoSpeech, ProviderFailed, Watch
from tasks.analysis.values import Material, Outline, StepDraft, Transcript, Usage, Word
from tasks.media.process import RunLimits, run
from tasks.media.tools import Tools, find_tools
from tasks.settings import Settings

#: Seconds of sound of one request: about 7 MB, where endpoints take 25.
PIECE_SECONDS = 1200.0
#: Seconds that ffmpeg may take for a piece.
PIECE_WALL_SECONDS = 600.0


class OpenAI:
    """Transcription in ``verbose_json``, and structured output checked by a schema of ours."""

    name = "openai"

    def __init__(self, settings: Settings, tools: Tools) -> None:
        key = settings.openai_api_key
        self._endpoint = Endpoint(
            settings.openai_base_url,
            key.get_secret_value() if key is not None else None,
            settings.openai_timeout_seconds,
        )
        self._settings = settings
        self._tools = tools

    @classmethod
    def of(cls, settings: Settings) -> "OpenAI":
        """The provider that the settings describe. Raises ToolMissing."""
        return cls(settings, find_tools(settings.ffmpeg, settings.ffprobe))

    def transcribe(self, sound: Path, seconds: float, watch: Watch) -> Transcript:
        """What is said, piece by piece. Raises NoSpeech where no model is set."""
        model = self._settings.openai_transcription_model
        if not model:
            raise NoSpeech("DAILIES_OPENAI_TRANSCRIPTION_MODEL is not set.")
        with wave.open(str(sound)) as audio:
            length = audio.getnframes() / audio.getframerate()
        words: list[Word] = []
        language = ""
        begin = 0.0
        while begin < length:
            take = min(PIECE_SECONDS, length - begin)
            answer = self._hear(sound, begin, take, model, watch)
            watch.paid(Usage(audio_seconds=take, cost=self._cost(audio_seconds=take)))
            heard = read_heard(answer)
            words += words_of(heard, begin)
            language = language or language_tag(heard.language)
            begin += take
            watch.report(min(1.0, begin / length))
        known = language if words else ""
        return Transcript(engine=model, language=known, words=tuple(words))

    def write(self, material: Material, steps: Sequence[StepDraft], watch: Watch) -> Outline:
        """The module, asked for once, and once more where the answer does not fit."""
        messages: list[dict[str, str]] = [
            {"role": "system", "content": INSTRUCTIONS},
            {"role": "user", "content": question(material, steps)},
        ]
        text = self._ask(messages, watch)
        try:
            return read_answer(text, material.duration)
        except ProviderFailed as problem:
            repair = f"{problem.sentence}\nAnswer again, whole, as the schema says."
            messages += [
                {"role": "assistant", "content": text},
                {"role": "user", "content": repair},
            ]
        watch.report(0.5)
        return read_answer(self._ask(messages, watch), material.duration)

    def _hear(
        self, sound: Path, begin: float, seconds: float, model: str, watch: Watch
    ) -> dict[str, Any]:
        piece = sound.with_name("piece.m4a")
        run(
            piece_command(sound, begin, seconds, piece, self._tools),
            limits=RunLimits(wall_seconds=PIECE_WALL_SECONDS, scratch_dir=piece.parent),
            stop=watch.stop,
        )
        fields: list[tuple[str, Any]] = [
            ("model", model),
            ("response_format", "verbose_json"),
            ("timestamp_granularities[]", "word"),
            ("timestamp_granularities[]", "segment"),
            ("file", ("sound.m4a", piece.read_bytes(), "audio/mp4")),
        ]
        piece.unlink()
        return self._endpoint.post_form("audio/transcriptions", fields, watch)

    def _ask(self, messages: Sequence[dict[str, str]], watch: Watch) -> str:
        answer = self._endpoint.post_json(
            "chat/completions",
            {
                "model": self._settings.openai_model,
                "messages": list(messages),
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "module", "strict": True, "schema": schema()},
                },
            },
            watch,
        )
        watch.paid(self._counted(answer.get("usage")))
        try:
            message = answer["choices"][0]["message"]
            refusal, text = message.get("refusal"), message.get("content")
        except (KeyError, IndexError, TypeError, AttributeError):
            raise ProviderFailed("The endpoint's answer has no message.") from None
        if refusal:
            raise ProviderFailed(f"The model refused: {str(refusal)[:300]}")
        # What broke off is no JSON; that is said to the model, which gets one more try.
        return str(text or "")

    def _counted(self, usage: Any) -> Usage:
        counts = usage if isinstance(usage, dict) else {}
        sent, written = (_count(counts.get(f"{name}_tokens")) for name in ("prompt", "completion"))
        cost = self._cost(sent=sent, written=written)
        return Usage(input_tokens=sent, output_tokens=written, cost=cost)

    def _cost(self, *, sent: int = 0, written: int = 0, audio_seconds: float = 0.0) -> float | None:
        prices = self._settings
        set_at_all = prices.openai_price_input or prices.openai_price_output
        if not (set_at_all or prices.openai_price_minute):
            return None
        tokens = sent * prices.openai_price_input + written * prices.openai_price_output
        return tokens / 1e6 + audio_seconds / 60 * prices.openai_price_minute


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
