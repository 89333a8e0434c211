"""A page of jobs of either kind: what its address says, and the rows that match."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from tasks.listing import job_filter, jobs_query, totals
from tasks.listing.cursor import BadCursor
from tasks.listing.job_filter import JobFilter
from tasks.listing.jobs_query import SortOrder
from tasks.listing.totals import Total
from tasks.models import MODELS, Kind, Media, Status, Title, TranscodeJob, UploadJob
from webapp.pages.jobs.standstill import lost_of
from webapp.title_names import titles_of

Job = TranscodeJob | UploadJob

#: Rows of a page that one may choose; the first is what a page has unless told otherwise.
PAGE_SIZES = (25, 50, 100)
PAGE_SIZE = PAGE_SIZES[0]
#: How far back a list may reach.
SPANS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
#: What the field of the time has where two times are given in place of a span.
BETWEEN = "between"
#: Waiting jobs whose place in line is said; further back it says nothing useful.
LINE_SHOWN = 50
#: Characters of a search that count.
SEARCH_LENGTH = 100

_SHARED_FIELDS = (
    "job_id",
    "status",
    "progress",
    "attempt",
    "failed_reason",
    "error_message",
    "can_cancel",
    "created_at",
    "started_at",
    "finished_at",
    "updated_at",
    "next_attempt_at",
    "media_id",
    "filename",
    "resource_type",
    "resource_id",
    "resource_name",
)
# What a row shows; a long job's plan, log and history stay in the database.
ROW_FIELDS = (
    *_SHARED_FIELDS,
    "name",
    "phase",
    "phases",
    "detail",
    "duration",
    "chunks_total",
    "chunks_done",
    "speed",
    "eta_seconds",
    "renditions",
)
UPLOAD_FIELDS = (
    *_SHARED_FIELDS,
    "transcode_id",
    "queue_name",
    "waits_for",
    "upload_type",
    "content_type",
    "label",
    "rendition",
    "language",
    "files_total",
    "files_done",
    "bytes_total",
    "bytes_done",
    "speed",
)
_FIELDS = {Kind.transcode: ROW_FIELDS, Kind.upload: UPLOAD_FIELDS}
MEDIA_FIELDS = (
    "media_id",
    "filename",
    "name",
    "title_id",
    "duration",
    "poster_key",
    "storyboard_key",
    "master_key",
    "renditions",
    "size",
    "created_at",
    "published_at",
    "source",
)


@dataclass(frozen=True)
class Listing:
    """Which rows, in which order, from which place on: the words of a page's address."""

    kind: Kind = Kind.transcode
    narrow: JobFilter = field(default_factory=JobFilter)
    span: str = ""
    order: SortOrder = SortOrder.newest
    size: int = PAGE_SIZE
    after: str | None = None
    before: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, str]) -> "Listing":
        """From a query string; what it does not know it leaves out."""
        span, sort, size = (values.get(name, "") for name in ("span", "sort", "size"))
        narrow = job_filter.from_query(values)
        return cls(
            kind=Kind.upload if values.get("kind") == Kind.upload else Kind.transcode,
            narrow=replace(narrow, transcode_id=values.get("transcodeId", "")[:64] or None),
            span=span if span in SPANS else "",
            order=SortOrder(sort) if sort in list(SortOrder) else SortOrder.newest,
            size=int(size) if size in map(str, PAGE_SIZES) else PAGE_SIZE,
            after=values.get("after", "") or None,
            before=values.get("before", "") or None,
        )

    @property
    def words(self) -> dict[str, str]:
        """What the address says besides the place; ``of`` reads it."""
        words = {"kind": "upload"} if self.kind is Kind.upload else {}
        words |= job_filter.words_of(self.narrow)
        if self.span:
            words["span"] = self.span
        if self.order is not SortOrder.newest:
            words["sort"] = self.order.value
        if self.size != PAGE_SIZE:
            words["size"] = str(self.size)
        return words

    @property
    def choices(self) -> dict[str, str]:
        """What the fields of the filter have chosen."""
        between = (self.narrow.since or self.narrow.until) and not self.span
        return self.words | ({"span": BETWEEN} if between else {})

    @property
    def since_text(self) -> str:
        """The earliest time of creation as a field of a form has it."""
        return _field(self.narrow.since)

    @property
    def until_text(self) -> str:
        """The time before which all were made."""
        return _field(self.narrow.until)

    @property
    def narrowed(self) -> bool:
        """Whether it leaves anything out, apart from paging."""
        return bool(self.span) or self.narrow.narrowed

    def query(self, **changes: Any) -> str:
        """The query string, with ``?``, after changes; paging is kept only where it is given."""
        kept = {name: str(value) for name, value in {**self.words, **changes}.items() if value}
        return f"?{urlencode(kept)}" if kept else ""

    def filter(self) -> JobFilter:
        """What matches as of now."""
        if not self.span:
            return self.narrow
        return replace(self.narrow, since=datetime.now(UTC) - SPANS[self.span])


def _field(at: datetime | None) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}" if at else ""


@dataclass(frozen=True)
class JobPage:
    """Rows, their media and titles by id, the line that waits, what masters wait for in vain,
    and the places to page from.

    ``total`` is the number of rows that match; where it is not exact, at
    least so many do.
    """

    jobs: Sequence[Job]
    media: Mapping[str, Media]
    titles: Mapping[str, Title]
    line: Mapping[str, int]
    lost: Mapping[str, str]
    after: str | None
    before: str | None
    total: Total


def page(chosen: Listing, counts: Mapping[str, int]) -> JobPage:
    """The rows of an address; ``counts`` are those of its kind."""
    narrow = chosen.filter()
    try:
        found = _find(chosen, narrow, chosen.after, chosen.before)
    except BadCursor:
        found = _find(chosen, narrow, None, None)
    media = media_of(found.rows)
    return JobPage(
        jobs=found.rows,
        media=media,
        titles=titles_of(media.values()),
        line=line_of(found.rows) if chosen.kind is Kind.transcode else {},
        lost=lost_of(found.rows),
        after=found.after,
        before=found.before,
        total=_total(chosen, narrow, found, counts),
    )


def _find(
    chosen: Listing, narrow: JobFilter, after: str | None, before: str | None
) -> jobs_query.Page:
    return jobs_query.find(
        MODELS[chosen.kind],
        narrow,
        order=chosen.order,
        limit=chosen.size,
        after=after,
        before=before,
        fields=_FIELDS[chosen.kind],
    )


def _total(
    chosen: Listing, narrow: JobFilter, found: jobs_query.Page, counts: Mapping[str, int]
) -> Total:
    shown = len(found.rows)
    if found.after is None and found.before is None:
        return Total(shown, exact=True)
    if narrow.by_status_alone:
        # The same that the page shows above the list.
        return Total(counts[narrow.status.value if narrow.status else "total"], exact=True)
    total = totals.total(MODELS[chosen.kind], narrow, found)
    # A page further on is one row more at least.
    least = shown + (found.after is not None)
    return total if total.exact else Total(max(total.number, least), exact=False)


def media_of(jobs: Sequence[Job]) -> dict[str, Media]:
    """The media of jobs, by id."""
    ids = list({job.media_id for job in jobs})
    rows = Media.objects(media_id__in=ids).only(*MEDIA_FIELDS) if ids else []
    return {row.media_id: row for row in rows}


def line_of(jobs: Sequence[Job]) -> dict[str, int]:
    """For transcode jobs that wait, their place in line, from 1, by job id."""
    if not any(job.status == Status.waiting for job in jobs):
        return {}
    waiting = JobFilter(status=Status.waiting)
    first = jobs_query.find(
        TranscodeJob,
        waiting,
        order=SortOrder.oldest,
        limit=LINE_SHOWN,
        fields=("job_id", "created_at"),
    )
    return {job.job_id: place for place, job in enumerate(first.rows, start=1)}
