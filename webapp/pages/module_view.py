"""What the pages say of a training module: words and numbers ready to be shown."""

from dataclasses import dataclass
from typing import Any

from flask import url_for

from tasks.analysis import stages
from tasks.analysis.export import clock
from tasks.analysis.sentences import sentences
from tasks.analysis.stages import MILESTONES, StageState
from tasks.analysis.values import Sentence, Transcript, Usage
from tasks.errors import StorageFailed
from tasks.infra.storage import get_storage
from tasks.media.language import label
from tasks.models import FINISHED, Media, Status, TrainingModule
from webapp import format as say
from webapp.api.modules_models import error_of, progress_of, stages_of, word_of
from webapp.pages.jobs import job_context
from webapp.urls import media_url

#: Modules of one page of the list.
PAGE_SIZE = 50
#: Modules that are listed beside their video.
OF_VIDEO = 5
_DOTS = {
    StageState.next: "waiting",
    StageState.running: "active",
    StageState.done: "completed",
    StageState.failed: "failed",
    StageState.skipped: "cancelled",
}
_WORDS = {
    StageState.next: "Next",
    StageState.running: "Running",
    StageState.done: "Done",
    StageState.failed: "Failed",
    StageState.skipped: "Skipped",
}
STATUS_WORDS = {
    Status.waiting: "Waiting",
    Status.active: "In the making",
    Status.completed: "Ready",
    Status.failed: "Failed",
    Status.cancelled: "Cancelled",
}


@dataclass(frozen=True)
class StageRow:
    """A line of the processing screen."""

    id: str
    name: str
    state: str
    dot: str
    word: str
    note: str
    took: str
    optional: bool


@dataclass(frozen=True)
class MilestoneMark:
    """A milestone on the bar."""

    progress: int
    name: str
    reached: bool


def stage_rows(module: TrainingModule) -> list[StageRow]:
    """The stages in order; the first that has not begun is the next one."""
    rows: list[StageRow] = []
    for row in stages_of(module):
        stage, state = stages.BY_ID[row["id"]], StageState(row["state"])
        seconds = row.get("seconds")
        waits = state is StageState.next and any(each.state == StageState.next for each in rows)
        rows.append(
            StageRow(
                id=stage.id,
                name=stage.name,
                state=state.value,
                dot=_DOTS[state],
                word=""
                if waits or (state is StageState.next and module.finished)
                else _WORDS[state],
                note=row.get("note", ""),
                took="" if seconds is None else took(seconds),
                optional=stage.optional,
            )
        )
    return rows


def took(seconds: float) -> str:
    """Seconds of work: to the tenth where there are few."""
    return f"{seconds:.1f} s" if seconds < 9.95 else say.duration(seconds)


def progress_context(module: TrainingModule) -> dict[str, Any]:
    """What ``partials/module_progress.html`` shows."""
    reached = {each["name"] for each in module.milestones or []}
    over = module.status in (Status.failed, Status.cancelled)
    return {
        "module": module,
        "status": str(module.status),
        "word": STATUS_WORDS[Status(module.status)],
        "state": word_of(module),
        "progress": progress_of(module),
        "stages": stage_rows(module),
        "marks": [MilestoneMark(m.progress, m.name, m.name in reached) for m in MILESTONES],
        "error": error_of(module) if over else "",
        "retry_at": module.next_attempt_at if module.status == Status.waiting else None,
        "retry_why": module.error_message or "",
    }


def row_of(module: TrainingModule, media: Media | None) -> dict[str, Any]:
    """What a row of the list shows."""
    ready = module.status == Status.completed
    return {
        "id": module.job_id,
        "title": module.title or module.name,
        "status": str(module.status),
        "word": STATUS_WORDS[Status(module.status)],
        "progress": progress_of(module),
        "over": module.status in FINISHED,
        "line": _line(module),
        "created_at": module.created_at,
        "picture": _first_picture(module)
        or (media_url(media.poster_key) if media and media.poster_key else None),
        "address": f"/modules/{module.job_id}" + ("" if ready else "/processing"),
    }


def _line(module: TrainingModule) -> str:
    if module.status == Status.completed:
        steps = len(module.steps)
        parts = [f"{steps} step{'s' * (steps != 1)}", say.clock(module.duration)]
        return " · ".join(parts + (["no transcript"] if not module.words else []))
    if module.status in FINISHED:
        return error_of(module)
    running = next((row.name for row in stage_rows(module) if row.state == StageState.running), "")
    return running or "In line"


def _first_picture(module: TrainingModule) -> str | None:
    step = next((step for step in module.steps if step.get("picture_key")), None)
    return picture_url(module, step) if step else None


def picture_url(module: TrainingModule, step: dict[str, Any]) -> str | None:
    """Where the picture of a step is, or None where it has none."""
    # By hand: live panels are rendered where there is no request.
    if not step.get("picture_key"):
        return None
    return f"/api/modules/{module.job_id}/steps/{step['id']}/picture"


def list_context() -> dict[str, Any]:
    """What ``partials/module_list.html`` shows."""
    found = list(TrainingModule.objects.order_by("-created_at", "-job_id").limit(PAGE_SIZE))
    ids = [module.media_id for module in found]
    media = {row.media_id: row for row in Media.objects(media_id__in=ids)}
    return {"rows": [row_of(module, media.get(module.media_id)) for module in found]}


def rows_of(media_id: str) -> list[dict[str, Any]]:
    """The newest modules of a video, as in the list."""
    found = TrainingModule.objects(media_id=media_id).order_by("-created_at", "-job_id")
    return [row_of(module, None) for module in found.limit(OF_VIDEO)]


def module_context(module: TrainingModule) -> dict[str, Any]:
    """What the page of a module that is ready shows. Raises PyMongoError."""
    media = Media.objects(media_id=module.media_id).first()
    player = job_context.player(media, module.title or module.name) if media else None
    said, transcript = _transcript(module)
    return {
        "module": module,
        "media_id": module.media_id,
        "player": player,
        "source": url_for("api_modules.video", module_id=module.job_id) if media else None,
        "steps": [
            {
                **step,
                "number": number,
                "picture": picture_url(module, step),
                "from": clock(step["start"]),
                "to": clock(step["end"]),
                "length": say.clock(step["end"] - step["start"]),
            }
            for number, step in enumerate(module.steps, 1)
        ],
        "transcript": transcript,
        "transcript_problem": said,
        "lost": [row for row in stage_rows(module) if row.state == StageState.failed],
        "facts": _facts(module),
        "stages": stage_rows(module),
    }


def _transcript(module: TrainingModule) -> tuple[str, tuple[Sentence, ...]]:
    """Why there is none, or the sentences of it."""
    stage = next((row for row in stage_rows(module) if row.id == stages.SPEECH), None)
    if not module.transcript_key:
        return (stage.note if stage else "") or "Nobody listened to this video.", ()
    try:
        data = get_storage().get_bytes(module.transcript_key)
    except (KeyError, StorageFailed):
        return "The transcript cannot be read now.", ()
    found = sentences(Transcript.model_validate_json(data).words)
    return ("" if found else "No words were heard."), found


def _facts(module: TrainingModule) -> list[tuple[str, str]]:
    pairs = [
        ("Length", say.clock(module.duration) if module.duration else ""),
        ("Video", module.filename or ""),
        ("Heard by", module.speech or ""),
        ("Language", _language(module)),
        (
            "Written by",
            {"local": "This installation", "openai": "OpenAI-compatible"}.get(
                module.provider or "", ""
            ),
        ),
        ("Cost", _cost(module)),
        ("Made by", module.created_by or ""),
        ("Edited by", module.edited_by or ""),
        ("Version", str(module.version)),
        ("Module id", module.job_id),
    ]
    return [(name, value) for name, value in pairs if value]


def _language(module: TrainingModule) -> str:
    """What the language of what is said calls itself; nobody knows it where nothing was heard."""
    return label(module.language) if module.language and module.words else ""


def _cost(module: TrainingModule) -> str:
    if not module.usage:
        return ""
    usage = Usage.model_validate(dict(module.usage))
    words = [f"{usage.cost:.4f}"] if usage.cost is not None else []
    words += [f"{usage.input_tokens + usage.output_tokens:,} tokens"]
    words += [f"{say.duration(usage.audio_seconds)} of sound"] if usage.audio_seconds else []
    return " · ".join(words)
