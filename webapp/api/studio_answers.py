"""Answers of ``/v1/studio`` about jobs and the actions on them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field

from tasks.control.request import Outcome
from tasks.jobs.allowed import Action, ActionState, refusals
from tasks.models import Kind, Media, Phase, Status, TranscodeJob, UploadJob
from webapp.api.answers import Answer, At, moment
from webapp.api.playable_answer import Playable, playable_of


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


#: What a row keeps as it came, times in it as text.
Stored = Annotated[dict[str, Any], BeforeValidator(_plain)]
TitleKind = Literal["film", "season", "episode"]


class HistoryLine(Answer):
    """One line of a job's history; ``who`` is a person, a token, a worker or the reconciler."""

    model_config = ConfigDict(from_attributes=True)

    at: At
    status: Status
    who: str
    why: str | None


class JobAnswer(Answer):
    """What jobs of both kinds have. ``actions`` says of each null where it is allowed, else why
    it is not."""

    model_config = ConfigDict(from_attributes=True)

    job_id: str
    queue_name: str | None
    status: Status
    progress: float | None = Field(description="Percent.")
    attempt: int | None
    can_cancel: bool | None
    cancelled_at: At | None
    failed_reason: str | None
    error_message: str | None
    next_attempt_at: At | None
    created_at: At | None
    started_at: At | None
    finished_at: At | None
    updated_at: At | None
    resource_type: TitleKind | None
    resource_id: str | None
    resource_name: str | None
    media_id: str
    filename: str | None
    client_id: str | None
    speed: float | None = Field(
        description="Seconds of film a second in transcoding, bytes a second in uploading."
    )
    actions: dict[Action, str | None]
    error_log: str | None = Field(None, description="Left out of lists, as is what follows.")
    history: list[HistoryLine] = []


class TranscodeJobAnswer(JobAnswer):
    """A transcode job: one video made into streams."""

    name: str
    created_by: str | None
    phase: Phase | None
    phases: dict[str, float] = Field(description="Phase → percent.")
    duration: float | None = Field(description="Seconds of film.")
    chunks_total: int | None
    chunks_done: int | None
    eta_seconds: float | None
    detail: str | None = Field(description="What is done now, in words.")
    renditions: list[Stored]
    subtitle_languages: list[str]
    playable: Playable | None = Field(
        None, description="What can be played of the video by now; left out of lists."
    )


class UploadJobAnswer(JobAnswer):
    """An upload job: a rendition, a master playlist or a subtitle on its way into the bucket."""

    transcode_id: str
    waits_for: str | None = Field(
        description="Why it waits and is in no queue yet, in a sentence: what the master playlist "
        "waits for, and what failed of that."
    )
    job_type: str | None
    film_id: str | None
    episode_id: str | None
    season_id: str | None
    upload_type: str | None
    content_type: str | None
    label: str | None
    rendition: str | None
    subtitle_id: str | None
    language: str | None = Field(description="Of a subtitle, BCP 47; null until it is known.")
    hls_dir: str | None
    master_playlist_path: str | None
    subtitle_path: str | None
    upload_path: str | None
    subtitle_metadata: Stored
    subtitle_languages: list[str]
    bucket_name: str | None
    files_total: int | None
    files_done: int | None
    bytes_total: int | None
    bytes_done: int | None
    current_file: str | None
    initial_metadata: Stored = {}


Job = TypeVar("Job", bound=JobAnswer)


class _OfKind(Answer, Generic[Job]):
    """An answer that is about jobs of one kind, and is called so in the description."""

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        return f"{params[0].__name__.removesuffix('Answer')}{cls.__name__}"


class Found(_OfKind[Job], Generic[Job]):
    """A page of jobs; ``total`` counts all that match, ``after`` is null on the last page."""

    total: int
    total_is_exact: bool = Field(
        description="False where at least `total` match: of many, not all are counted."
    )
    jobs: list[Job]
    after: str | None


class Done(_OfKind[Job], Generic[Job]):
    """What an action did, in a sentence, and the job as it is now; null where it was deleted."""

    message: str
    job_id: str
    job: Job | None


class Cleaned(Done[Job], Generic[Job]):
    """Removed: files of the bucket with their bytes, uploads given up, rows."""

    files: int
    bytes: int
    half_uploads: int
    rows: int
    retired_streams: int


class Amount(Answer):
    """Files of the bucket."""

    files: int
    bytes: int


class Look(Answer):
    """A job at one moment: its row, how many of its parts have each status, and the bucket."""

    status: Status
    progress: float | None
    parts: dict[Status, int]
    queued: int
    bucket: Amount
    work_area: Amount


class Synced(Done[Job], Generic[Job]):
    """What the job looked like before and after, and each change as a sentence."""

    before: Look
    after: Look
    changes: list[str]


@dataclass(frozen=True)
class JobAnswers:
    """The answers about jobs of one kind."""

    job: type[JobAnswer]
    found: type[Found[Any]]
    done: type[Done[Any]]
    cleaned: type[Cleaned[Any]]
    synced: type[Synced[Any]]


ANSWERS = {
    Kind.transcode: JobAnswers(
        TranscodeJobAnswer,
        Found[TranscodeJobAnswer],
        Done[TranscodeJobAnswer],
        Cleaned[TranscodeJobAnswer],
        Synced[TranscodeJobAnswer],
    ),
    Kind.upload: JobAnswers(
        UploadJobAnswer,
        Found[UploadJobAnswer],
        Done[UploadJobAnswer],
        Cleaned[UploadJobAnswer],
        Synced[UploadJobAnswer],
    ),
}
#: Left out of lists: they are long, and a job's own page has them.
_LONG = {"initial_metadata", "error_log", "history"}


def row_fields(kind: Kind) -> tuple[str, ...]:
    """The columns that a list reads."""
    return tuple(set(ANSWERS[kind].job.model_fields) - _LONG - {"actions", "playable"})


def shown(kind: Kind, job: TranscodeJob | UploadJob, *, whole: bool = False) -> JobAnswer:
    """A job as it is answered; ``whole`` with history, log and metadata."""
    model = ANSWERS[kind].job
    columns = set(model.model_fields) - {"actions", "playable"} - (set() if whole else _LONG)
    state = ActionState(Status(job.status), job.can_cancel is not False)
    answer = model.model_validate(
        {**{name: getattr(job, name) for name in columns}, "actions": refusals(state)}
    )
    if whole and isinstance(answer, TranscodeJobAnswer):
        media = Media.objects(media_id=job.media_id).first()
        if media is not None and (playable := playable_of(media)) is not None:
            answer.playable = playable
    return answer


def done(model: type[Done[Any]], kind: Kind, job_id: str, outcome: Outcome) -> Done[Any]:
    """An action's outcome as it is answered."""
    job = None if outcome.job is None else shown(kind, outcome.job, whole=True)
    return model.model_validate(
        {"message": outcome.sentence, "job_id": job_id, "job": job, **outcome.data}
    )


class Fix(Answer):
    """Something stuck: why, and what was done or would be."""

    model_config = ConfigDict(from_attributes=True)

    job_id: str
    kind: str
    reason: str
    action: str


class FixStuckAnswer(Answer):
    """Everything stuck that was found; with ``dryRun`` nothing was changed."""

    dry_run: bool
    count: int
    jobs: list[Fix]


class OperationLine(Answer):
    """An action on many jobs: how many are done, skipped, failed."""

    model_config = ConfigDict(from_attributes=True)

    operation_id: str = Field(validation_alias="job_id")
    kind: Kind = Field(validation_alias="job_kind")
    action: Action
    status: Status
    progress: float
    total: int
    done: int
    skipped: int
    failed: int = Field(validation_alias="failures")
    who: str
    outputs: bool | None = Field(description="Whether a deletion takes the outputs too.")
    chosen: Stored = Field(description="The filter, in the list's words; empty for checked jobs.")
    error_message: str | None
    created_at: At | None
    finished_at: At | None


class OperationAnswer(OperationLine):
    """An operation with what it did not do, and why."""

    results: list[Stored] = Field(
        description="`{jobId, outcome, reason}` of what was not done, the first 500."
    )
    reasons: list[Stored] = Field(
        description="`{outcome, reason, count}` of all that was not done, listed or not."
    )
    status_url: str = Field("", description="Where to ask again; only when it was accepted.")
