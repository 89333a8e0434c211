"""Which parts of a page are alive, and what they are now: the same partials as the first paint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment
from markupsafe import escape

from tasks.jobs import lifecycle
from tasks.listing.cursor import BadCursor
from tasks.models import Kind, Media, TrainingModule
from tasks.recovery import drift
from tasks.reports import health
from webapp.pages import (
    drift_context,
    module_view,
    operation_context,
    overview_context,
    shelf,
    video_view,
)
from webapp.pages.jobs import job_context, job_list, job_log_view, jobs_context
from webapp.pages.jobs.job_list import Listing
from webapp.pages.jobs.job_view import JobRow

#: Rows that one browser may have open and alive at a time.
MOST_OPEN = 20
#: Characters of a view; a longer one is no view of ours.
VIEW_LENGTH = 3000
_ID_LENGTH = 200


class BadView(ValueError):
    """No page looks so; the message says why, in less than 120 bytes."""


@dataclass(frozen=True)
class View:
    """What one browser looks at. Browsers with equal views share all rendering."""

    page: str
    query: str
    can_edit: bool
    is_admin: bool = False

    @classmethod
    def parse(cls, text: Any, *, can_edit: bool, is_admin: bool = False) -> "View":
        """From a query string such as ``page=jobs&status=failed&open=ID``. Raises BadView."""
        if not isinstance(text, str) or len(text) > VIEW_LENGTH:
            raise BadView(f"a view is a query string of at most {VIEW_LENGTH} characters")
        values = dict(parse_qsl(text))
        if any(
            "\0" in value or (not value.isascii() and _torn(value)) for value in values.values()
        ):
            raise BadView("a view has a character in it that no text can have")
        page = values.pop("page", "")
        known = {name: value for name, value in sorted(values.items()) if name in _KNOWN}
        return cls(page if page in _PAGES else "other", urlencode(known), can_edit, is_admin)

    @property
    def values(self) -> dict[str, str]:
        """The query's values by name."""
        return dict(parse_qsl(self.query))

    @property
    def open_ids(self) -> list[str]:
        """The rows that are open."""
        ids = self.values.get("open", "").split(",")[:MOST_OPEN]
        return [job_id for job_id in ids if job_id and len(job_id) <= _ID_LENGTH]


@dataclass
class Panels:
    """``parts`` maps what is swapped on its own to its markup.

    ``frame`` is the part whose swap adds, removes or moves rows: it is sent only when ``shape``,
    which says which rows there are, has changed. ``rows`` are the ids of a list's rows, in order;
    None where the frame is no list of jobs.
    """

    shape: str = ""
    frame: str = ""
    rows: list[str] | None = None
    parts: dict[str, str] = field(default_factory=dict)


def _torn(text: str) -> bool:
    """Whether text holds half of a character, which UTF-8 and so MongoDB cannot."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def partial(target: str, markup: str, swap: str = "outerMorph") -> str:
    """A part of an answer that HTMX swaps for itself, and leaves out where the target is gone."""
    return f'<hx-partial hx-target="{escape(target)}" hx-swap="{swap}">{markup}</hx-partial>'


class Renderer:
    """Renders views in one round; what several of them show is read and rendered once."""

    def __init__(
        self, environment: Environment, workers: int | None, drift: int | None = None
    ) -> None:
        self._environment = environment
        self._workers = workers
        self._drift = drift
        self._kept: dict[Any, Any] = {}

    def render(self, view: View) -> Panels:
        """All panels of a view as they are now. Raises what the database raises."""
        panels = _PAGES[view.page](self, view)
        panels.parts["#workers"] = partial("#workers", workers_markup(self._workers))
        panels.parts["#drift-count"] = partial(
            "#drift-count", drift_context.count_markup(self._drift)
        )
        return panels

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """What ``make`` gives, made once a round."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def markup(self, template: str, **context: Any) -> str:
        """A partial's markup."""
        return self._environment.get_template(f"partials/{template}.html").render(context)

    def row(self, row: JobRow, can_edit: bool) -> str:
        """A row of the list, ready to be swapped."""

        def make() -> str:
            return partial(f"#row-{row.dom}", self.markup("job_row", row=row, can_edit=can_edit))

        return str(self.once(("row", row.id, can_edit), make))


def workers_now() -> int:
    """How many workers live. Raises redis.RedisError."""
    return len(health.workers())


def drift_now() -> int | None:
    """How much drift the last pass left; None where nobody told. Raises redis.RedisError."""
    return drift.count()


def workers_markup(count: int | None) -> str:
    """The number of workers beside the word Live; None where Redis, who knows, does not answer."""
    if count is None:
        return '<span id="workers" class="none">queue away</span>'
    words = f"{count} worker{'' if count == 1 else 's'}" if count else "no worker"
    return f'<span id="workers" class="{"some" if count else "none"}">{words}</span>'


def _jobs(renderer: Renderer, view: View) -> Panels:
    chosen = Listing.of(view.values)
    counts = renderer.once("counts", jobs_context.counts_of)
    page = renderer.once(chosen, lambda: job_list.page(chosen, counts[chosen.kind]))
    paused = renderer.once("paused", jobs_context.paused_queues)
    context = jobs_context.list_context(chosen, page, counts, paused, can_edit=view.can_edit)
    stats_key = ("stats", chosen)
    stats = renderer.once(stats_key, lambda: renderer.markup("stats", **context))
    kinds = renderer.once(("kinds", chosen.kind), lambda: renderer.markup("kinds", **context))
    notice = renderer.once(
        ("notice", view.can_edit), lambda: renderer.markup("jobs_notice", **context)
    )
    parts = {
        "#stats": partial("#stats", stats),
        "#kinds": partial("#kinds", kinds),
        "#jobs-notice": partial("#jobs-notice", notice),
    }
    for row in context["rows"]:
        parts[f"#row-{row.dom}"] = renderer.row(row, view.can_edit)
    shown = {row.id: row.dom for row in context["rows"]}
    for job_id in view.open_ids:
        if job_id in shown and (opened := _details(renderer, chosen.kind, job_id)):
            target = f"#open-{shown[job_id]}"
            parts[target] = partial(target, opened, "innerMorph")
    ids = [row.id for row in context["rows"]]
    shape = "|".join([*ids, str(context["after"]), str(context["before"]), context["pager_words"]])
    return Panels(
        shape=shape,
        frame=partial("#job-list", renderer.markup("job_list", **context), "innerMorph"),
        rows=ids,
        parts=parts,
    )


def _details(renderer: Renderer, kind: Kind, job_id: str) -> str | None:
    if kind is Kind.upload:
        context = renderer.once(
            ("upload", job_id), lambda: job_context.upload_context(job_id, can_edit=False)
        )
        template = "upload_details"
    else:
        context = renderer.once(("job", job_id), lambda: _job_context(job_id))
        template = "job_details"
    if context is None:
        return None
    return str(renderer.once(("details", job_id), lambda: renderer.markup(template, **context)))


def _job_context(job_id: str) -> Mapping[str, Any] | None:
    job = job_context.find(job_id)
    return None if job is None else job_context.context(job, can_edit=False)


def _job(renderer: Renderer, view: View) -> Panels:
    job_id = view.values.get("id", "")
    found = renderer.once(("job", job_id), lambda: _job_context(job_id))
    if found is None:
        return Panels()
    log = renderer.once(("log", job_id), lambda: job_log_view.context(job_id))
    context = {**found, **log, "can_edit": view.can_edit}
    parts = {
        "#job-log": partial("#job-log", renderer.markup("job_log", **context)),
        "#job-head": partial("#job-head", renderer.markup("job_head", **context)),
        "#job-details": partial(
            "#job-details", renderer.markup("job_details", **context), "innerMorph"
        ),
        "#job-parts": partial("#job-parts", renderer.markup("job_parts", **context)),
        "#job-uploads": partial("#job-uploads", renderer.markup("job_uploads", **context)),
        "#facts": partial("#facts", renderer.markup("facts", **context)),
        "#player-place": partial("#player-place", renderer.markup("job_player", **context)),
    }
    return Panels(parts=parts)


def _video(renderer: Renderer, view: View) -> Panels:
    media = Media.objects(media_id=view.values.get("id", "")).first()
    if media is None:
        return Panels()
    found = renderer.once(("video", media.media_id), lambda: video_view.context(media))
    context = {**found, "can_edit": view.can_edit}
    names = ("head", "streams", "history", "downloads", "jobs")
    parts = {
        f"#video-{name}": partial(f"#video-{name}", renderer.markup(f"video_{name}", **context))
        for name in names
    }
    parts["#facts"] = partial("#facts", renderer.markup("facts", **context))
    parts["#player-place"] = partial("#player-place", renderer.markup("video_player", **context))
    return Panels(parts=parts)


def _library(renderer: Renderer, view: View) -> Panels:
    values = view.values
    context = shelf.context(values.get("q", ""), values.get("before"), can_edit=view.can_edit)
    markup = renderer.markup("shelf", **context)
    # Posters rarely change and then as a whole: all of them are the frame.
    return Panels(shape=markup, frame=partial("#shelf", markup, "innerMorph"))


def _drift(renderer: Renderer, view: View) -> Panels:
    found = renderer.once("drift", drift_context.found)
    context = drift_context.context(found, can_edit=view.can_edit, is_admin=view.is_admin)
    markup = renderer.markup("drift", **context)
    return Panels(parts={"#drift": partial("#drift", markup, "innerMorph")})


def _overview(renderer: Renderer, view: View) -> Panels:
    chosen = overview_context.Choice.of(view.values)
    numbers = renderer.once(("overview", chosen), lambda: overview_context.numbers_context(chosen))
    machines = renderer.once(
        ("machines", view.can_edit),
        lambda: overview_context.machines_context(can_edit=view.can_edit),
    )
    parts = {
        "#tiles": partial("#tiles", renderer.markup("overview_tiles", **numbers)),
        "#reasons": partial("#reasons", renderer.markup("overview_reasons", **numbers)),
        "#machine-workers": partial(
            "#machine-workers", renderer.markup("overview_workers", **machines)
        ),
        "#machine-queues": partial(
            "#machine-queues", renderer.markup("overview_queues", **machines)
        ),
    }
    return Panels(parts=parts)


def _operation(renderer: Renderer, view: View) -> Panels:
    try:
        context = operation_context.context(view.values.get("id", ""), can_edit=view.can_edit)
    except lifecycle.NotFound:
        return Panels()
    markup = renderer.markup("operation", **context)
    return Panels(parts={"#operation": partial("#operation", markup, "innerMorph")})


def _operations(renderer: Renderer, view: View) -> Panels:
    try:
        context = operation_context.list_context(view.values.get("after"))
    except BadCursor as error:
        raise BadView("after is no place that a page of this list named") from error
    markup = renderer.markup("operations", **context)
    return Panels(parts={"#operations": partial("#operations", markup, "innerMorph")})


def _module(renderer: Renderer, view: View) -> Panels:
    module = TrainingModule.objects(job_id=view.values.get("id", "")).first()
    if module is None:
        return Panels()
    markup = renderer.markup("module_progress", **module_view.progress_context(module))
    return Panels(parts={"#module-progress": partial("#module-progress", markup)})


def _modules(renderer: Renderer, view: View) -> Panels:
    found = renderer.once("modules", module_view.list_context)
    markup = renderer.markup("module_list", **found, can_edit=view.can_edit)
    return Panels(shape=markup, frame=partial("#module-list", markup, "innerMorph"))


def _other(_renderer: Renderer, _view: View) -> Panels:
    return Panels()


_LIST_WORDS = (
    "kind,status,type,uploadType,contentType,label,resourceId,mediaId,transcodeId,from,to,span,q,"
    "sort,size,after,before"
)
_KNOWN = frozenset({"id", "open", "by", *_LIST_WORDS.split(",")})
_PAGES: dict[str, Callable[[Renderer, View], Panels]] = {
    "jobs": _jobs,
    "job": _job,
    "library": _library,
    "video": _video,
    "drift": _drift,
    "module": _module,
    "modules": _modules,
    "operation": _operation,
    "operations": _operations,
    "overview": _overview,
    "other": _other,
}
