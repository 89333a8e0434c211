"""The actions that can be due for a job; ``tasks.jobs.execute`` does them."""

from dataclasses import dataclass, field

from tasks.errors import WorkError
from tasks.models import Phase, StepKind


@dataclass(frozen=True)
class CreateStep:
    """A step without an index has to be made: split or merge."""

    kind: StepKind


@dataclass(frozen=True)
class CreateEncodes:
    """The plan's chunks and its audio have to be made, and the extraction of text tracks."""


@dataclass(frozen=True)
class CreateUploads:
    """An upload for each rendition has to be there, and one for the master that waits for them."""


@dataclass(frozen=True)
class CreateMaster:
    """The upload of the master playlist has to be made."""


@dataclass(frozen=True)
class SayWhy:
    """The row of an upload that waits for others has to say why."""

    job_id: str
    why: str


@dataclass(frozen=True)
class CreateSubtitleUploads:
    """Each subtitle that is due needs an upload."""


@dataclass(frozen=True)
class RefreshMaster:
    """The published master has to be brought up to date by an upload of this id."""

    job_id: str


@dataclass(frozen=True)
class RemoveSubtitle:
    """A deleted subtitle's files may go."""

    subtitle: str


@dataclass(frozen=True)
class Enqueue:
    """A waiting unit gets a message."""

    job_id: str
    upload: bool


@dataclass(frozen=True)
class Retry:
    """A unit that had failed belongs to a job that was retried."""

    job_id: str
    upload: bool


@dataclass(frozen=True)
class Activate:
    """A worker has begun a part of the job: it becomes active."""


@dataclass(frozen=True)
class EnterPhase:
    """The job has come to another phase."""

    phase: Phase


@dataclass(frozen=True)
class CancelParts:
    """Nothing that belongs to the job may go on."""

    why: str


@dataclass(frozen=True)
class CancelPart:
    """A unit of a completed job that it has no use for."""

    job_id: str
    upload: bool


@dataclass(frozen=True)
class CompleteJob:
    """All is done."""


@dataclass(frozen=True)
class FailJob:
    """A part failed for good, and nothing else of the job can still be useful."""

    error: WorkError = field(compare=False)


Action = (
    CreateStep
    | CreateEncodes
    | CreateUploads
    | CreateMaster
    | SayWhy
    | CreateSubtitleUploads
    | RefreshMaster
    | RemoveSubtitle
    | Enqueue
    | Retry
    | Activate
    | EnterPhase
    | CancelPart
    | CancelParts
    | CompleteJob
    | FailJob
)
