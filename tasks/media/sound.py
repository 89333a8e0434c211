"""Encodes the sound tracks of a source, also where one changes its layout or rate on the way."""

import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import BadInput, EncoderFailed
from tasks.media.commands import audio_command, decoded_audio_command
from tasks.media.loudness import Loudness, gain_to, parse_loudness
from tasks.media.plan import Plan
from tasks.media.process import LOG_LINES, Progress, RunLimits, run
from tasks.media.segments import RenditionOutput, UnsteadyAudio, read_audio
from tasks.media.source import SourceInfo
from tasks.media.tools import Tools
from tasks.media.tracks import AudioPlan

_DECODED = "decoded.nut"
# A track this near its target, in LU, is left as it is.
_NEAR = 0.3
# A limiter takes away some of what was added: then it is added once more.
_TRIES = 3


@dataclass(frozen=True)
class Sound:
    """What became of the sound tracks: the good ones, and sentences on those that are left out."""

    renditions: tuple[RenditionOutput, ...]
    notes: tuple[str, ...] = ()


def encode_sound(
    source: Path,
    info: SourceInfo,
    plan: Plan,
    folder: Path,
    tools: Tools,
    *,
    limits: RunLimits,
    target: float | None = None,
    stop: threading.Event | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Sound:
    """Writes the sound tracks of the plan to their folders below `folder`, which must exist.

    All are encoded in one run. A track that fails there is tried alone, and left out if another is
    good. Whether a track changes on the way shows only in the result: then it is decoded to a file
    (some 400 kB a second) and encoded anew. With a `target` in LUFS, tracks are encoded again as
    loud as that. Raises as `run` and `read_audio` do where no track is good.
    """
    encoder = _Encoder(source, info, plan, folder, tools, limits, stop, on_progress)
    loudness: dict[str, Loudness] | None = None  # None: tracks are tried one by one
    failed: BadInput | EncoderFailed | None = None
    try:
        loudness = encoder.run(plan.sounds)
    except (BadInput, EncoderFailed):
        if len(plan.sounds) == 1:
            raise
    renditions: list[RenditionOutput] = []
    notes: list[str] = []
    for audio in plan.sounds:
        try:
            output = encoder.whole(audio, loudness)
            renditions.append(encoder.at(target, audio, output) if target is not None else output)
        except (BadInput, EncoderFailed) as error:
            failed = error
            notes.append(f"Sound track {audio.stream_index} is left out. {error.sentence}")
    if not renditions and failed is not None:
        raise failed
    return Sound(tuple(renditions), tuple(notes))


class _Encoder:
    """One source and all that is needed to encode its tracks."""

    def __init__(
        self,
        source: Path,
        info: SourceInfo,
        plan: Plan,
        folder: Path,
        tools: Tools,
        limits: RunLimits,
        stop: threading.Event | None,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._source, self._info, self._plan = source, info, plan
        self._folder, self._tools = folder, tools
        self._limits, self._stop, self._on_progress = limits, stop, on_progress

    def run(
        self, sounds: Sequence[AudioPlan], *, decoded: Path | None = None, gain: float = 0.0
    ) -> dict[str, Loudness]:
        """Encodes tracks in one run; returns how loud each is, by its name."""
        command = audio_command(
            self._source,
            self._info,
            self._plan,
            sounds,
            self._folder,
            self._tools,
            decoded=decoded,
            gain=gain,
        )
        # A line for each segment, and some for each track.
        segments = round(self._plan.duration / self._plan.segment_seconds) + 2
        lines = 1_000 + 2 * len(sounds) * (segments + 50)
        return parse_loudness(self._run(command, lines).splitlines())

    def whole(
        self, audio: AudioPlan, loudness: dict[str, Loudness] | None, *, gain: float = 0.0
    ) -> RenditionOutput:
        """A track's output, encoded alone where `loudness` is None, through a file if need be."""
        if loudness is None:
            self._empty(audio)
            loudness = self.run([audio], gain=gain)
        try:
            output = read_audio(self._folder, self._plan, audio)
        except UnsteadyAudio:
            if audio.right_index is not None:
                raise
            self._empty(audio)
            loudness = self._through_file(audio, gain)
            output = read_audio(self._folder, self._plan, audio)
        return output.model_copy(update={"loudness": loudness.get(audio.name)})

    def at(self, target: float, audio: AudioPlan, output: RenditionOutput) -> RenditionOutput:
        """The track as loud as the target, which is measured again."""
        gain = 0.0
        for _ in range(_TRIES):
            more = 0.0 if output.loudness is None else gain_to(target, output.loudness, _NEAR)
            if not more:
                break
            gain += more
            output = self.whole(audio, None, gain=gain)
        return output

    def _through_file(self, audio: AudioPlan, gain: float) -> dict[str, Loudness]:
        decoded = self._folder / _DECODED
        try:
            command = decoded_audio_command(self._source, self._info, audio, decoded, self._tools)
            self._run(command)
            return self.run([audio], decoded=decoded, gain=gain)
        finally:
            decoded.unlink(missing_ok=True)

    def _empty(self, audio: AudioPlan) -> None:
        output = self._folder / audio.name
        shutil.rmtree(output)
        output.mkdir()

    def _run(self, command: list[str], log_lines: int = LOG_LINES) -> str:
        try:
            result = run(
                command,
                limits=self._limits,
                stop=self._stop,
                on_progress=self._on_progress,
                log_lines=log_lines,
            )
        except (BadInput, EncoderFailed) as error:
            error.log = "\n".join(error.log.splitlines()[-LOG_LINES:])
            raise
        return result.log_tail
