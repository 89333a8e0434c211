"""Requests and answers of ``/api/modules`` and ``/api/upload/module``."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tasks.analysis import stages
from tasks.analysis.stages import StageState
from tasks.models import Media, Status, TrainingModule
from webapp.api.answers import Answer, At, moment
from webapp.api.playable_answer import Playable, playable_of

Word = Literal["processing", "ready", "failed"]

_WORDS: dict[Status, Word] = {
    Status.waiting: "processing",
    Status.active: "processing",
    Status.completed: "ready",
    Status.failed: "failed",
    # Nothing more comes by itself; ``error`` says that somebody ended it.
    Status.cancelled: "failed",
}


class MakeModule(BaseModel):
    """Which video a module is made of."""

    model_config = ConfigDict(extra="forbid")

    video_id: str = Field(alias="videoId", min_length=1, max_length=64)


class ListModules(BaseModel):
    """Query parameters of the list."""

    limit: int = Field(50, ge=1, le=200)
    before: str | None = Field(
        None, max_length=64, description="The id of a module: those made before it are listed."
    )


class MadeModule(Answer):
    """The module that will be, and where to ask how far it is."""

    module_id: str
    status: Word
    video_id: str
    check_status: str


class StageAnswer(Answer):
    """A stretch of the work. An ``optional`` one may fail alone; ``seconds`` is what it took."""

    id: str
    name: str
    status: Literal["next", "running", "done", "failed", "skipped"]
    optional: bool
    note: str = ""
    seconds: float | None = None


class MilestoneAnswer(Answer):
    """A milestone that was passed."""

    progress: int
    name: str
    at: At


class ModuleStatus(Answer):
    """How far a module is; ``step`` is the last milestone that was passed."""

    module_id: str
    video_id: str
    status: Word
    progress: int = Field(ge=0, le=100, description="Percent; 100 is said of what is ready.")
    step: str
    steps: list[StageAnswer]
    milestones: list[MilestoneAnswer]
    start_time: At | None = None
    end_time: At | None = None
    error: str = ""
    playable: Playable | None = None


class ModuleLine(Answer):
    """A module in the list."""

    module_id: str
    video_id: str
    title: str
    status: Word
    progress: int
    steps: int
    created_at: At
    created_by: str | None


class ModuleList(Answer):
    """Modules, the newest first; ``before`` goes on where there are more."""

    modules: list[ModuleLine]
    before: str = ""


class StepAnswer(Answer):
    """A step; times in seconds. ``picture`` is an address, where there is one."""

    id: str
    title: str
    summary: str
    start: float
    end: float
    picture: str | None


class UsageAnswer(Answer):
    """What a paid provider counted; ``cost`` where prices are set."""

    input_tokens: int
    output_tokens: int
    audio_seconds: float
    cost: float | None


class ModuleAnswer(Answer):
    """A module that is ready. ``roughTranscript``: what listened errs often."""

    module_id: str
    video_id: str
    version: int
    title: str
    summary: str
    duration: float | None
    language: str | None
    speech: str | None
    rough_transcript: bool
    steps: list[StepAnswer]
    provider: str | None
    usage: UsageAnswer | None
    created_at: At
    created_by: str | None
    edited_at: At | None
    edited_by: str | None
    playable: Playable | None = Field(
        None, description="Where the video can be played from, once that is possible."
    )


class WordAnswer(Answer):
    """A spoken word; times in seconds."""

    text: str
    start: float
    end: float


class TranscriptAnswer(Answer):
    """What is said; ``rough``: what listened errs often."""

    module_id: str
    language: str
    engine: str
    rough: bool
    words: list[WordAnswer]


class ActionAnswer(Answer):
    """What was done."""

    module_id: str
    message: str


def word_of(module: TrainingModule) -> Word:
    """A module's state in the words of this API."""
    return _WORDS[Status(module.status)]


def progress_of(module: TrainingModule) -> int:
    """Whole percent; 100 of what is ready only."""
    if module.status == Status.completed:
        return 100
    return min(99, int(module.progress or 0))


def status_of(module: TrainingModule) -> ModuleStatus:
    """How far a module is."""
    word = word_of(module)
    reached = module.milestones or []
    answer = ModuleStatus(
        module_id=module.job_id,
        video_id=module.media_id,
        status=word,
        progress=progress_of(module),
        step=reached[-1]["name"] if reached else "Waiting",
        steps=[_stage(row) for row in stages_of(module)],
        milestones=[
            MilestoneAnswer(progress=each["progress"], name=each["name"], at=each["at"])
            for each in reached
        ],
    )
    if module.started_at or module.created_at:
        answer.start_time = module.started_at or module.created_at
    if word != "processing" and module.finished_at:
        answer.end_time = module.finished_at
    if word == "failed":
        answer.error = error_of(module)
    if (playable := _playable(module)) is not None:
        answer.playable = playable
    return answer


def _playable(module: TrainingModule) -> Playable | None:
    media = Media.objects(media_id=module.media_id).first()
    return playable_of(media) if media is not None else None


def stages_of(module: TrainingModule) -> list[dict[str, Any]]:
    """The row's stages; of one that is over, none is running."""
    rows = [dict(row) for row in module.stages or stages.untouched()]
    return stages.ended(rows) if word_of(module) == "failed" else rows


def error_of(module: TrainingModule) -> str:
    """Why there is no module, in a sentence."""
    if module.status == Status.cancelled:
        at = module.cancelled_at or module.finished_at
        return f"Cancelled at {moment(at)}." if at else "Cancelled."
    return module.error_message or "The video could not be analysed."


def _stage(row: dict[str, Any]) -> StageAnswer:
    stage = stages.BY_ID[row["id"]]
    answer = StageAnswer(
        id=stage.id,
        name=stage.name,
        status=StageState(row["state"]).value,
        optional=stage.optional,
    )
    if row.get("note"):
        answer.note = row["note"]
    if row.get("seconds") is not None:
        answer.seconds = row["seconds"]
    return answer


def line_of(module: TrainingModule) -> ModuleLine:
    """A module in the list."""
    return ModuleLine(
        module_id=module.job_id,
        video_id=module.media_id,
        title=module.title or module.name,
        status=word_of(module),
        progress=progress_of(module),
        steps=len(module.steps),
        created_at=module.created_at,
        created_by=module.created_by,
    )


def content_of(module: TrainingModule, picture_of: dict[str, str]) -> ModuleAnswer:
    """A module's content; ``picture_of`` maps steps to addresses."""
    usage = module.usage or None
    answer = ModuleAnswer(
        module_id=module.job_id,
        video_id=module.media_id,
        version=module.version,
        title=module.title or module.name,
        summary=module.summary or "",
        duration=module.duration,
        language=module.language or None,
        speech=module.speech or None,
        rough_transcript=bool(module.rough),
        steps=[
            StepAnswer(
                id=step["id"],
                title=step["title"],
                summary=step["summary"],
                start=step["start"],
                end=step["end"],
                picture=picture_of.get(step["id"]),
            )
            for step in module.steps
        ],
        provider=module.provider,
        usage=UsageAnswer.model_validate(dict(usage)) if usage else None,
        created_at=module.created_at,
        created_by=module.created_by,
        edited_at=module.edited_at,
        edited_by=module.edited_by,
    )
    if (playable := _playable(module)) is not None:
        answer.playable = playable
    return answer
