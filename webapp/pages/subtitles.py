"""The subtitles of a video, where pages show them: a list, a form, and what they answer."""

from typing import Any

from flask import Blueprint, render_template, request
from flask_login import current_user
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from tasks.jobs.attach import attach, remove
from tasks.media.language import label
from tasks.models import UNFINISHED, Media
from webapp.api import subtitle_view
from webapp.auth.access import require_role
from webapp.deadline import in_time, without_deadline
from webapp.intake import subtitle_intake
from webapp.pages.partials import for_browser

bp = Blueprint("subtitles", __name__)

#: Languages that the form offers; programs can name any.
_OFFERED = (
    *("ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "he"),
    *("hi", "hr", "hu", "id", "is", "it", "ja", "kk", "ko", "lt", "lv", "nb", "nl", "pl", "pt"),
    *("pt-BR", "ro", "ru", "sk", "sl", "sr", "sv", "ta", "th", "tr", "uk", "ur", "uz", "vi"),
    *("zh-Hans", "zh-Hant"),
)
_WORDS = {
    "stored": "Waits for the stream",
    "waiting": "Waiting",
    "active": "Being added",
    "completed": "In the player",
    "failed": "Failed",
    "cancelled": "Cancelled",
}


@bp.app_template_global()
def subtitle_facts(media_id: str) -> dict[str, Any]:
    """What ``partials/subtitles.html`` shows: its rows, and whether some of them still change."""
    media = Media.objects(media_id=media_id).first()
    rows = subtitle_view.shown(media) if media is not None else []
    for row in rows:
        row["word"] = _WORDS[row["status"]]
        row["name"] = row["label"] or "Language not known yet"
        if row["status"] == "completed" and not row["inMaster"]:
            row["status"], row["word"] = "active", _WORDS["active"]
    return {"rows": rows, "moving": any(row["status"] in UNFINISHED for row in rows)}


@bp.app_template_global()
def subtitle_languages() -> list[tuple[str, str]]:
    """(tag, own name) of the languages that the form offers, by name."""
    return sorted(((tag, label(tag)) for tag in _OFFERED), key=lambda entry: entry[1].casefold())


@bp.get("/watch/<media_id>/subtitles")
@require_role("viewer")
def index(media_id: str) -> Response:
    """The list, for a page that has it already."""
    _known(media_id)
    return for_browser(render_template("partials/subtitle_list.html", media_id=media_id))


@bp.post("/watch/<media_id>/subtitles")
@require_role("editor")
@without_deadline
def create(media_id: str) -> Response:
    """Attaches the file of a form; errors as in ``/api/media/<id>/subtitles``."""
    with in_time():
        _known(media_id)
    received = subtitle_intake.receive(request)
    with in_time():
        attach(
            _known(media_id),
            received.filename,
            received.data,
            who=current_user.name,
            language=received.language,
            label=received.label,
        )
        return _answer(media_id, f"Added {received.filename}", form=True)


@bp.post("/watch/<media_id>/subtitles/<subtitle_id>/delete")
@require_role("editor")
def delete(media_id: str, subtitle_id: str) -> Response:
    """Deletes a subtitle. 404 where there is none."""
    _known(media_id)
    remove(media_id, subtitle_id, current_user.name)
    return _answer(media_id, "Subtitle deleted")


def _known(media_id: str) -> Media:
    media = Media.objects(media_id=media_id).first()
    if media is None:
        raise NotFound("There is no such video.")
    found: Media = media
    return found


def _answer(media_id: str, words: str, *, form: bool = False) -> Response:
    html = render_template(
        "partials/subtitle_answer.html",
        media_id=media_id,
        form=form,
        toast_words=words,
        toast_tone="ok",
    )
    return for_browser(html)
