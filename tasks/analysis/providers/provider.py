"""What a provider is: it makes a transcript of a sound, and texts for steps."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tasks.analysis.values import Material, Outline, StepDraft, Transcript, Usage
from tasks.errors import Category, Stopped, WorkError


class ProviderFailed(WorkError):
    """A provider did not answer, or not with what was asked for; the sentence says which."""

    default_category = Category.internal


class NoSpeech(Exception):
    """There is nothing to listen with; the message says what to install or to set."""


def _free(_usage: Usage) -> None:
    """What costs nothing need not be counted."""


@dataclass(frozen=True)
class Watch:
    """How a provider is told to stop, and tells how far it is (0 to 1) and what it used.

    ``paid`` is told of each answer by itself: it costs the same when the next one does not come.
    """

    stop: threading.Event
    report: Callable[[float], None]
    paid: Callable[[Usage], None] = _free

    def check(self) -> None:
        """Raises Stopped where the work must end."""
        if self.stop.is_set():
            raise Stopped("The work was stopped.")

    def wait(self, seconds: float) -> None:
        """Waits, and raises Stopped where the work must end meanwhile."""
        if self.stop.wait(seconds):
            raise Stopped("The work was stopped.")


class Provider(Protocol):
    """Listens and writes. Each method may raise ProviderFailed and Stopped."""

    name: str

    def transcribe(self, sound: Path, seconds: float, watch: Watch) -> Transcript:
        """What is said in a WAV of 16 kHz, one channel, 16 bit. Raises NoSpeech."""
        ...

    def write(self, material: Material, steps: Sequence[StepDraft], watch: Watch) -> Outline:
        """Titles and summaries of the steps; a provider may cut the steps anew."""
        ...
