"""What the templates of the jobs page are given, at the first paint and live alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.control import pausing
from tasks.listing import job_counts
from tasks.models import MODELS, Kind, Media, Title, TranscodeJob
from webapp import format as say
from webapp.pages import upload_view
from webapp.pages.jobs import job_list, job_view
from webapp.pages.jobs.job_actions import BULK_ACTIONS
from webapp.pages.jobs.job_list import BETWEEN, PAGE_SIZES, JobPage, Listing
from webapp.pages.jobs.job_view import STATUS_WORDS, JobRow
from webapp.pages.jobs.standstill import Standstill
from webapp.pages.upload_view import TYPE_WORDS

KIND_WORDS = {Kind.transcode: "Transcoding", Kind.upload: "Upload"}
#: What a filter offers: its word in the address, its label, and value by value what it is called.
_BOTH = (
    ("type", "Title", {"": "Any title"} | {"film": "Films", "season": "Seasons"}
     | {"episode": "Episodes"}),
    ("label", "Label", {"": "Any label", "SD": "SD", "HD": "HD", "FHD": "FHD", "UHD": "UHD"}),
    ("span", "Time", {"": "Any time", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}
     | {BETWEEN: "Between …"}),
    ("sort", "Order", {"": "Newest first", "oldest": "Oldest first"}
     | {"finished": "Last finished", "name": "By name"}),
    ("size", "Rows", {"": f"{PAGE_SIZES[0]} rows"} | {str(n): f"{n} rows" for n in PAGE_SIZES[1:]}),
)  # fmt: skip
_UPLOADS = (
    ("uploadType", "Upload type", {"": "Any upload"} | TYPE_WORDS),
    ("contentType", "Content", {"": "Any content", "video": "Video", "audio": "Audio"}
     | {"subtitle": "Subtitle", "playlist": "Playlist"}),
)  # fmt: skip
FILTERS = {Kind.transcode: _BOTH, Kind.upload: (*_UPLOADS, *_BOTH)}


def counts_of() -> dict[Kind, dict[str, int]]:
    """For both kinds how many jobs there are, as ``total`` and by status."""
    return {kind: job_counts.counts(model) for kind, model in MODELS.items()}


def context(chosen: Listing, *, can_edit: bool) -> dict[str, Any]:
    """Everything for one address: a query for the rows, one for their media, one for counts."""
    counts = counts_of()
    page = job_list.page(chosen, counts[chosen.kind])
    found = list_context(chosen, page, counts, paused_queues(), can_edit=can_edit)
    return found | {"narrowed": narrowed_by(chosen)}


def paused_queues() -> list[str]:
    """The names of the queues of which nothing new starts."""
    return sorted(pausing.holds().queues)


@dataclass(frozen=True)
class Narrowed:
    """One thing whose jobs alone are shown; ``word`` and ``value`` say so in the address, and
    ``without`` is the address that says it no more."""

    word: str
    value: str
    what: str
    name: str
    without: str


def narrowed_by(chosen: Listing) -> list[Narrowed]:
    """What a link, and no field of the filter, has narrowed the list to."""
    narrow = chosen.narrow
    asked = (
        ("resourceId", "Title", narrow.resource_id, Title, "title_id", "name"),
        ("mediaId", "Video", narrow.media_id, Media, "media_id", "filename"),
        ("transcodeId", "Transcode job", narrow.transcode_id, TranscodeJob, "job_id", "name"),
    )
    found = []
    for word, what, value, model, key, name in asked:
        if value:
            row = model.objects(**{key: value}).only(name).first()
            called = getattr(row, name) if row else value
            found.append(Narrowed(word, value, what, called, chosen.query(**{word: None})))
    return found


def list_context(
    chosen: Listing,
    page: JobPage,
    counts: Mapping[Kind, dict[str, int]],
    paused: Sequence[str],
    *,
    can_edit: bool,
) -> dict[str, Any]:
    """The same from what was read already."""
    return {
        "chosen": chosen,
        "counts": counts[chosen.kind],
        "paused": paused,
        "kinds": [
            {
                "kind": kind,
                "word": word,
                "query": "?kind=upload" if kind is Kind.upload else "",
                "failed": counts[kind]["failed"],
            }
            for kind, word in KIND_WORDS.items()
        ],
        "filters": FILTERS[chosen.kind],
        "bulk_actions": BULK_ACTIONS,
        "status_words": STATUS_WORDS,
        "rows": rows_of(chosen.kind, page, paused),
        "can_edit": can_edit,
        "total": page.total.number if page.total.exact else None,
        "after": chosen.query(after=page.after) if page.after else None,
        "before": chosen.query(before=page.before) if page.before else None,
        "pager_words": pager_words(chosen, page),
        "nothing_words": nothing_words(chosen),
    }


def rows_of(kind: Kind, page: JobPage, paused: Sequence[str]) -> list[JobRow]:
    """The rows of a page, ready to be shown."""
    standstill = Standstill(frozenset(paused), page.lost)
    if kind is Kind.upload:
        return [
            upload_view.row(job, page.media.get(job.media_id), page.titles, standstill.of(job))
            for job in page.jobs
        ]
    return [
        job_view.row(
            job,
            page.media.get(job.media_id),
            page.titles,
            page.line.get(job.job_id),
            standstill.of(job),
        )
        for job in page.jobs
    ]


def pager_words(chosen: Listing, page: JobPage) -> str:
    """``25 of 1,284 jobs``."""
    shown = len(page.jobs)
    noun = "upload" if chosen.kind is Kind.upload else "job"
    total = page.total.number
    if not page.total.exact:
        return f"{say.count(shown)} of at least {say.count(total)} {noun}s"
    if shown >= total:
        return f"{say.count(shown)} {noun}{'' if shown == 1 else 's'}"
    return f"{say.count(shown)} of {say.count(total)} {noun}s"


def nothing_words(chosen: Listing) -> str:
    """The filter in words, for when nothing matches it."""
    noun = "uploads" if chosen.kind is Kind.upload else "jobs"
    status = chosen.narrow.status
    kind = f"{status.value} {noun}" if status else noun
    words = [
        labels[value]
        for name, _, labels in FILTERS[chosen.kind]
        if name not in ("sort", "size") and (value := chosen.words.get(name))
    ]
    others = f" ({', '.join(words)})" if words else ""
    if chosen.narrow.search:
        return f"No {kind}{others} match “{chosen.narrow.search}”."
    if chosen.after or chosen.before:
        return f"No {kind}{others} further on."
    return f"No {kind}{others}."
