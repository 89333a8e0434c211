"""Training modules: the list, the screen while one is made, the module, and editing it."""

from typing import Any

from flask import Blueprint, redirect, render_template, request
from flask_login import current_user
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from tasks.analysis import edit, make
from tasks.analysis.edit import Outdated
from tasks.analysis.times import Times, stage_times
from tasks.jobs.allowed import Action
from tasks.models import Media, Status
from webapp.api.modules import find, ready
from webapp.auth.access import require_role
from webapp.pages import module_view
from webapp.pages.module_form import ModuleForm, Wrong
from webapp.pages.partials import for_browser

bp = Blueprint("modules", __name__)


@bp.app_template_global()
def module_times() -> Times:
    """What ``partials/module_times.html`` shows."""
    return stage_times()


@bp.app_template_global()
def modules_of(media_id: str) -> list[dict[str, Any]]:
    """What ``partials/module_of_video.html`` shows: the newest modules of a video."""
    return module_view.rows_of(media_id)


bp.app_template_filter("took")(module_view.took)


@bp.get("/modules")
@require_role("viewer")
def index() -> Response:
    """The newest modules."""
    context = module_view.list_context()
    return for_browser(render_template("pages/modules.html", live_query="page=modules", **context))


@bp.post("/modules/of/<media_id>")
@require_role("editor")
def create(media_id: str) -> Response:
    """Makes a module of a video that is here, and leads to the screen of it."""
    media = Media.objects(media_id=media_id).first()
    if media is None:
        raise NotFound("There is no such video.")
    module = make.make_module(media, who=current_user.name)
    return redirect(f"/modules/{module.job_id}/processing", 303)


@bp.get("/modules/<module_id>")
@require_role("viewer")
def show(module_id: str) -> Response:
    """The module; while it is not ready, the screen that tells how far it is."""
    module = find(module_id)
    if module.status != Status.completed:
        return redirect(f"/modules/{module_id}/processing", 303)
    return for_browser(render_template("pages/module.html", **module_view.module_context(module)))


@bp.get("/modules/<module_id>/processing")
@require_role("viewer")
def processing(module_id: str) -> Response:
    """How far it is, live; a module that is ready is shown instead."""
    module = find(module_id)
    if module.status == Status.completed:
        return redirect(f"/modules/{module_id}", 303)
    context = module_view.progress_context(module)
    live_query = f"page=module&id={module_id}"
    return for_browser(
        render_template("pages/module_processing.html", live_query=live_query, **context)
    )


@bp.get("/modules/<module_id>/edit")
@require_role("editor")
def edit_form(module_id: str) -> Response:
    """The form."""
    module = ready(module_id)
    return _form(module_id, ModuleForm.of(module))


@bp.post("/modules/<module_id>/edit")
@require_role("editor")
def change(module_id: str) -> Response:
    """Saves the form, or adds, moves and removes a step in it without saving.

    What cannot be saved comes back as it was written, with the reason: 409 where somebody else
    saved meanwhile, 422 where it cannot be right.
    """
    module = ready(module_id)
    form = ModuleForm.read(request.form)
    command = request.form.get("do", "save")
    if command != "save":
        return _form(module_id, form.rearranged(command), moved=True)
    try:
        edited = form.edited()
        if problem := edit.beyond(module, edited.steps):
            raise Wrong(problem)
        edit.save(module_id, edited, current_user.name)
    except Wrong as wrong:
        return _form(module_id, form, problem=str(wrong), status=422)
    except Outdated as outdated:
        newer = outdated.module
        # Saved once more, it is an answer to the newer version, and that is what was seen.
        again = ModuleForm(str(newer.version), form.title, form.summary, form.steps)
        return _form(module_id, again, problem=str(outdated), newer=True, status=409)
    return redirect(f"/modules/{module_id}", 303)


@bp.post("/modules/<module_id>/do/<action>")
@require_role("editor")
def do(module_id: str, action: str) -> Response:
    """Retries, cancels or deletes; 409 where its state does not allow that."""
    find(module_id)
    if action not in ("retry", "cancel", "delete"):
        raise NotFound("There is no such action.")
    make.act(Action(action), module_id, current_user.name)
    there = "" if action == "delete" else f"/{module_id}/processing"
    return redirect(f"/modules{there}", 303)


def _form(
    module_id: str,
    form: ModuleForm,
    *,
    problem: str = "",
    newer: bool = False,
    moved: bool = False,
    status: int = 200,
) -> Response:
    html = render_template(
        "pages/module_edit.html",
        module_id=module_id,
        form=form,
        problem=problem,
        newer=newer,
        moved=moved,
    )
    return for_browser(html, status)
