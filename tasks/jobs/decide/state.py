"""The state of a job that is judged: its rows, as far as they matter for what is due."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.errors import WorkError
from tasks.models import Phase, Status, StepKind


@dataclass(frozen=True)
class StepState:
    """A step, as far as it matters here. ``tried``: a worker has taken it before."""

    job_id: str
    kind: StepKind
    index: int
    status: Status
    message_id: str | None = None
    error: WorkError | None = None
    tried: bool = False


@dataclass(frozen=True)
class UploadState:
    """An upload job, as far as it matters here: of a ``rendition``, of a ``subtitle`` (its id), or
    of neither: then it is a master's.

    ``refresh``: it brings a published master up to date. ``waits_for`` is what its row says.
    """

    job_id: str
    rendition: str | None
    status: Status
    message_id: str | None = None
    error: WorkError | None = None
    subtitle: str | None = None
    refresh: bool = False
    waits_for: str | None = None

    @property
    def is_master(self) -> bool:
        """Whether it is the upload that makes the stream visible."""
        return self.rendition is None and self.subtitle is None and not self.refresh


@dataclass(frozen=True)
class JobState:
    """A transcode job with its steps and uploads, in order.

    ``encodes``: how many chunks and sounds the plan has (0 before there is one), and its
    ``renditions``. ``retrying``: whatever failed or was
    cancelled is to be done again, or of that only what ``retry_only`` names.

    Of the media's subtitles: ``subtitles_due`` have no upload yet, ``removals`` are deleted and in
    no master any more, and ``master_due`` names the upload that would make the published master
    list what it should (None where it does).
    """

    status: Status
    phase: Phase
    encodes: int = 0
    renditions: Sequence[str] = ()
    retrying: bool = False
    retry_only: Sequence[str] = ()
    steps: Sequence[StepState] = ()
    uploads: Sequence[UploadState] = ()
    subtitles_due: Sequence[str] = ()
    removals: Sequence[str] = ()
    master_due: str | None = None
