"""Videos: all of them, and each with its streams, source, links, jobs and history."""

from flask import Blueprint, Response, render_template, request
from flask_login import current_user
from pydantic import ValidationError
from werkzeug.exceptions import UnprocessableEntity

from tasks import streams
from tasks.control.videos import NoSuchTitle, change
from tasks.models import Media, Title
from tasks.removal.videos import delete_videos
from tasks.settings import get_settings
from webapp import share_links, urls
from webapp.api.subtitles import find
from webapp.api.videos_models import ChangeVideo, MakeShare
from webapp.auth.access import allowed, require_role
from webapp.deadline import in_time, without_deadline
from webapp.intake import accept
from webapp.pages import video_view
from webapp.pages.partials import for_browser
from webapp.title_names import names_of, titles_of

bp = Blueprint("videos", __name__, url_prefix="/videos")

#: Titles that the form offers, the newest.
TITLES_OFFERED = 200


@bp.get("")
@require_role("viewer")
def index() -> Response:
    """All videos, also those that cannot be played, or the part that a search changes."""
    context = video_view.list_context(request.args.get("q", "")[:200], request.args.get("before"))
    template = "partials/video_list.html" if _is_partial() else "pages/videos.html"
    return for_browser(render_template(template, **context))


@bp.get("/<media_id>")
@require_role("viewer")
def show(media_id: str) -> Response:
    """The page of a video."""
    media = find(media_id)
    page = render_template(
        "pages/video.html",
        live_query=f"page=video&id={media_id}",
        can_edit=allowed("editor"),
        stream_url=_stream_url(media),
        **_links(media),
        **_titles(media),
        **video_view.context(media),
    )
    return for_browser(page)


@bp.post("/<media_id>/change")
@require_role("editor")
def edit(media_id: str) -> Response:
    """Renames the video, or moves it to another title."""
    find(media_id)
    values = {
        "name": request.form.get("name") or None,
        "titleId": request.form.get("title") or None,
    }
    try:
        asked = ChangeVideo.model_validate(values)
        media = change(media_id, asked.model_dump(), current_user.name)
    except ValidationError:
        raise UnprocessableEntity(
            "This name cannot be used: 1 to 200 characters, without line breaks."
        ) from None
    except NoSuchTitle as error:
        raise UnprocessableEntity(str(error)) from None
    return _answer(media, f"Saved: {names_of(media)[0]}")


@bp.post("/<media_id>/streams/<stream_id>/publish")
@require_role("editor")
def publish(media_id: str, stream_id: str) -> Response:
    """Gives players another complete stream."""
    find(media_id)
    try:
        streams.publish(media_id, stream_id, current_user.name)
    except (streams.NoSuchStream, streams.NotPublishable) as error:
        raise UnprocessableEntity(str(error)) from None
    return _answer(find(media_id), "This stream is live now.")


@bp.post("/<media_id>/source")
@require_role("editor")
@without_deadline
def replace(media_id: str) -> Response:
    """Replaces the source by the file of the form, and encodes it."""
    with in_time():
        media = find(media_id)
    accept.receive_source(request, media, who=current_user.name)
    with in_time():
        return _answer(find(media_id), "The new source is being encoded.")


@bp.post("/<media_id>/shares")
@require_role("editor")
def share(media_id: str) -> Response:
    """Makes a link for so many days."""
    media = find(media_id)
    days = request.form.get("days", "")
    try:
        asked = MakeShare(days=int(days) if days.isdecimal() else 0)
    except ValidationError:
        raise UnprocessableEntity(
            f"A link is good for 1 to {share_links.MOST_DAYS} days, not for {days[:20]!r}."
        ) from None
    share_links.make(media, asked.days, current_user.name)
    return _answer(media, "The link is made.")


@bp.post("/<media_id>/shares/<share_id>/revoke")
@require_role("editor")
def revoke(media_id: str, share_id: str) -> Response:
    """Ends a link."""
    media = find(media_id)
    share_links.revoke(media_id, share_id, current_user.name)
    return _answer(media, "The link is ended.")


@bp.post("/delete")
@require_role("editor")
def delete() -> Response:
    """Deletes the chosen videos, and leads to the list."""
    deleted = delete_videos(request.form.getlist("id")[:1000], current_user.name)
    if not deleted:
        raise UnprocessableEntity("Choose at least one video that is still there.")
    response = for_browser("")
    response.headers["HX-Redirect"] = "/videos"
    return response


def _is_partial() -> bool:
    return request.headers.get("HX-Request-Type") == "partial"


def _stream_url(media: Media) -> str | None:
    """The address that any player opens: for a day, where no CDN serves the streams."""
    if not media.master_key:
        return None
    key = str(media.master_key)
    if get_settings().media_base_url:
        return urls.playback_url(key)
    return urls.signed_url(media.media_id, key)


def _links(media: Media) -> dict[str, object]:
    if not allowed("editor"):
        return {"shares": []}
    rows = share_links.of_media(media.media_id)
    return {"shares": [(row, share_links.url_of(row)) for row in rows]}


def _titles(media: Media) -> dict[str, object]:
    offered = list(Title.objects.order_by("-created_at").limit(TITLES_OFFERED))
    if media.title_id and all(title.title_id != media.title_id for title in offered):
        offered += Title.objects(title_id=media.title_id)
    seasons = titles_of([Media(title_id=title.title_id) for title in offered])
    named = [(title.title_id, _title_name(title, seasons)) for title in offered]
    return {"titles": sorted(named, key=lambda entry: entry[1].casefold())}


def _title_name(title: Title, seasons: dict[str, Title]) -> str:
    season = seasons.get(title.parent_id or "")
    series = title.series or (season.series if season is not None else None)
    return f"{series} · {title.name}" if series else str(title.name)


def _answer(media: Media, words: str) -> Response:
    html = render_template(
        "partials/video_answer.html",
        toast_words=words,
        toast_tone="ok",
        can_edit=True,
        **_links(media),
        **video_view.context(media),
    )
    return for_browser(html)
