"""What the command line decides for every benchmark."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class CannotMeasure(Exception):
    """A benchmark could not get its numbers; the message says why."""


@dataclass(frozen=True)
class Options:
    """``folder`` is temporary and empty. ``settings``: variables for Dailies' processes.

    ``clip``: a source to use instead of the one that is made. ``rounds``: how often the whole job
    is measured. ``rows``: of each kind of job, in place of a million.
    """

    folder: Path
    quick: bool = False
    rounds: int = 1
    clip: Path | None = None
    rows: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
