"""``/api/upload/module`` and ``/api/modules``: training modules made of videos."""

import re
from typing import cast

from flask import Blueprint, Response, request, url_for
from flask_login import current_user
from werkzeug.exceptions import NotFound, UnprocessableEntity

from tasks import keys
from tasks.analysis import edit, make
from tasks.analysis.edit import Edited, Outdated
from tasks.analysis.export import markdown
from tasks.analysis.values import Transcript
from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.jobs.allowed import Action
from tasks.jobs.submit import job_id_for, submit
from tasks.models import Media, Status, TrainingModule
from webapp import idempotency, media_files
from webapp.api.answers import answered
from webapp.api.bodies import json_object, parsed, parsed_query
from webapp.api.modules_models import (
    ActionAnswer,
    ListModules,
    MadeModule,
    MakeModule,
    ModuleAnswer,
    ModuleList,
    ModuleStatus,
    TranscriptAnswer,
    WordAnswer,
    content_of,
    line_of,
    status_of,
    word_of,
)
from webapp.api.upload import UploadFields
from webapp.auth.access import require_role
from webapp.deadline import in_time, without_deadline
from webapp.idempotency import idempotent
from webapp.intake import accept
from webapp.openapi import Content, documented

bp = Blueprint("api_modules", __name__, url_prefix="/api")

FAMILY = "Modules"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: What a browser may take for what it says to be; anything else is bytes.
_PLAYABLE = re.compile(r"(video|audio)/[\w.+-]{1,60}")
_NOT_READY = "This module is not ready: {}."


@bp.post("/upload/module")
@require_role("editor", scope="upload")
@documented(
    "Takes a video and queues the making of a training module.",
    tag=FAMILY,
    files={accept.FIELD: "The video file."},
    form=UploadFields,
    headers=idempotency.DOCUMENTED,
    answers={201: MadeModule},
    errors=idempotency.ERRORS,
)
@without_deadline
@idempotent
def upload() -> Response:
    """The answer comes as soon as the file has: nothing of the video is looked at for it. The
    video gets its stream too, by a transcode job of its own."""
    media = accept.receive(request, who=current_user.name)
    with in_time():
        return _made(media)


@bp.get("/modules")
@require_role("viewer")
@documented(
    "The modules, newest first.",
    tag=FAMILY,
    query=ListModules,
    answers={200: ModuleList},
    errors=(404,),
)
def index() -> Response:
    """``before`` of an answer leads to older ones. 404 no such module."""
    page = parsed_query(ListModules, request.args)
    rows = TrainingModule.objects
    if page.before is not None:
        place = find(page.before)
        older = {"created_at": {"$lt": place.created_at}}
        same = {"created_at": place.created_at, "job_id": {"$lt": place.job_id}}
        rows = rows(__raw__={"$or": [older, same]})
    found = list(rows.order_by("-created_at", "-job_id").limit(page.limit + 1))
    answer = ModuleList(modules=[line_of(row) for row in found[: page.limit]])
    if len(found) > page.limit:
        answer.before = found[page.limit - 1].job_id
    return answered(answer)


@bp.post("/modules")
@require_role("editor")
@documented(
    "Makes a module of a video that is here already.",
    tag=FAMILY,
    body=MakeModule,
    headers=idempotency.DOCUMENTED,
    answers={201: MadeModule},
    errors=(404, *idempotency.ERRORS),
)
@idempotent
def create() -> Response:
    """The video is not encoded for it. 404 no such video."""
    asked = parsed(MakeModule, json_object(request))
    known = _ID.fullmatch(asked.video_id)
    media = Media.objects(media_id=asked.video_id).first() if known else None
    if media is None:
        raise NotFound("There is no such video.")
    return _made(media, encode=False)


@bp.get("/modules/<module_id>")
@require_role("viewer")
@documented("A module.", tag=FAMILY, answers={200: ModuleAnswer}, errors=(409,))
def show(module_id: str) -> Response:
    """Its steps and texts: this is the export as JSON. 409 where it is not ready."""
    return answered(content(ready(module_id)))


@bp.put("/modules/<module_id>")
@require_role("editor")
@documented(
    "Saves an edited module.", tag=FAMILY, body=Edited, answers={200: ModuleAnswer}, errors=(409,)
)
def save(module_id: str) -> Response:
    """``version`` is the one that was edited: 409 where somebody else saved meanwhile, so that
    nobody's edit is lost. Steps are in the order of the list; one without ``id`` is new."""
    edited = parsed(Edited, json_object(request))
    module = find(module_id)
    if problem := edit.beyond(module, edited.steps):
        raise UnprocessableEntity(problem)
    try:
        saved = edit.save(module_id, edited, current_user.name)
    except Outdated as outdated:
        raise lifecycle.Conflict(str(outdated)) from None
    return answered(content(saved))


@bp.delete("/modules/<module_id>")
@require_role("editor")
@documented("Deletes a module.", tag=FAMILY, answers={200: ActionAnswer}, errors=(409,))
def delete(module_id: str) -> Response:
    """The video and its captions stay. 409 where it is being made."""
    return _act(Action.delete, module_id)


@bp.post("/modules/<module_id>/retry")
@require_role("editor")
@documented(
    "Has a failed module tried again.", tag=FAMILY, answers={200: ActionAnswer}, errors=(409,)
)
def retry(module_id: str) -> Response:
    """With what was found out already. 409 where it has not failed."""
    return _act(Action.retry, module_id)


@bp.post("/modules/<module_id>/cancel")
@require_role("editor")
@documented("Ends the making of a module.", tag=FAMILY, answers={200: ActionAnswer}, errors=(409,))
def cancel(module_id: str) -> Response:
    """409 where it is over."""
    return _act(Action.cancel, module_id)


@bp.get("/modules/<module_id>/markdown")
@require_role("viewer")
@documented(
    "A module as Markdown.",
    tag=FAMILY,
    answers={200: Content("text/markdown", "A heading for each step, with its times.")},
    errors=(409,),
)
def as_markdown(module_id: str) -> Response:
    """409 where it is not ready."""
    module = ready(module_id)
    source = module.filename or module.name
    text = markdown(module.title or module.name, module.summary or "", module.steps, source)
    return Response(text, content_type="text/markdown; charset=utf-8")


@bp.get("/modules/<module_id>/transcript")
@require_role("viewer")
@documented("What is said, word by word.", tag=FAMILY, answers={200: TranscriptAnswer})
def transcript(module_id: str) -> Response:
    """404 where nobody listened, or nothing is said."""
    module = find(module_id)
    if not module.transcript_key:
        raise NotFound("This module has no transcript.")
    try:
        data = get_storage().get_bytes(module.transcript_key)
    except KeyError:
        raise NotFound("This module has no transcript any more.") from None
    said = Transcript.model_validate_json(data)
    words = [WordAnswer(text=w.text, start=w.start, end=w.end) for w in said.words]
    return answered(
        TranscriptAnswer(
            module_id=module_id,
            language=said.language,
            engine=said.engine,
            rough=said.rough,
            words=words,
        )
    )


@bp.get("/modules/<module_id>/steps/<step_id>/picture")
@require_role("viewer")
@without_deadline
@documented(
    "The picture of a step.",
    tag=FAMILY,
    headers=media_files.HEADERS,
    answers=media_files.answers("The picture, a JPEG."),
    errors=(416,),
)
def picture(module_id: str, step_id: str) -> Response:
    """404 where it has none."""
    with in_time():
        module = find(module_id)
    key = next((step.get("picture_key") for step in module.steps if step["id"] == step_id), None)
    if not key or not key.startswith(keys.module(module.media_id, module_id)):
        raise NotFound("This step has no picture.")
    return media_files.answer(key)


@bp.get("/modules/<module_id>/video")
@require_role("viewer")
@without_deadline
@documented(
    "The video itself, as it was uploaded.",
    tag=FAMILY,
    headers=media_files.HEADERS,
    answers=media_files.answers("The file."),
    errors=(416,),
)
def video(module_id: str) -> Response:
    """For players, with ranges, while there is no stream yet."""
    with in_time():
        media = Media.objects(media_id=find(module_id).media_id).first()
    if media is None:
        raise NotFound("The video of this module was deleted.")
    if not media.source_key.startswith(keys.source(media.media_id, "")):
        raise NotFound("This video was imported: its file is not served, its stream is.")
    response = media_files.answer(media.source_key)
    known = _PLAYABLE.fullmatch(media.content_type or "")
    response.content_type = media.content_type if known else "application/octet-stream"
    return response


def find(module_id: str) -> TrainingModule:
    """The module of an id. Raises NotFound."""
    found = TrainingModule.objects(job_id=module_id).first() if _ID.fullmatch(module_id) else None
    if found is None:
        raise NotFound("There is no such module.")
    return cast(TrainingModule, found)


def ready(module_id: str) -> TrainingModule:
    """The same of one that is ready. Raises Conflict where it is not."""
    module = find(module_id)
    if module.status != Status.completed:
        raise lifecycle.Conflict(_NOT_READY.format(word_of(module)))
    return module


def content(module: TrainingModule) -> ModuleAnswer:
    """The module with the addresses of its pictures."""
    return content_of(
        module,
        {
            step["id"]: url_for("api_modules.picture", module_id=module.job_id, step_id=step["id"])
            for step in module.steps
            if step.get("picture_key")
        },
    )


def status(module_id: str) -> ModuleStatus:
    """How far a module is. Raises NotFound."""
    return status_of(find(module_id))


def _made(media: Media, *, encode: bool = True) -> Response:
    if encode:
        submit(
            media,
            who=current_user.name,
            job_id=idempotency.chosen("job", job_id_for(media)),
        )
    module = make.make_module(
        media, who=current_user.name, module_id=idempotency.chosen("module", make.new_id())
    )
    path = url_for("api_upload.status", video_id=module.job_id)
    answer = MadeModule(
        module_id=module.job_id,
        status=word_of(module),
        video_id=media.media_id,
        check_status=f"GET {path}",
    )
    return answered(answer, 201, location=path)


def _act(action: Action, module_id: str) -> Response:
    find(module_id)
    sentence = make.act(action, module_id, current_user.name)
    return answered(ActionAnswer(module_id=module_id, message=sentence))
