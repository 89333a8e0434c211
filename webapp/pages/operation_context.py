"""What the templates of bulk operations are given, at the first paint and live alike."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from tasks.control import operations
from tasks.jobs.allowed import LABELS, Action
from tasks.listing.job_filter import filter_of
from tasks.models import Kind, Status, TranscodeJob, UploadJob
from tasks.models.bulk_operation import BulkOperation
from webapp import format as say
from webapp.pages.jobs.job_list import Listing
from webapp.pages.jobs.job_view import STATUS_WORDS
from webapp.pages.upload_view import what_of

PAGE_SIZE = 25
_UPLOAD_NAME = ("job_id", "resource_name", "upload_type", "rendition", "label", "language")
#: Seconds in which a worker has put down what it did before its operation was cancelled.
LEAVING_SECONDS = 15

#: What a filter's words are called in a sentence.
_SAID = {
    "status": "status",
    "statuses": "status",
    "type": "title",
    "uploadType": "upload type",
    "contentType": "content",
    "label": "label",
    "resourceId": "title",
    "mediaId": "video",
    "transcodeId": "transcode job",
    "q": "search",
    "from": "made from",
    "to": "made until",
}


def list_context(after: str | None) -> dict[str, Any]:
    """A page of the list, newest first. Raises BadCursor."""
    page = operations.page(limit=PAGE_SIZE, after=after)
    return {
        "operations": [_line(row) for row in page.rows],
        "older": f"/operations?{urlencode({'after': page.after})}" if page.after else None,
        "first": "/operations" if after else None,
    }


def context(operation_id: str, *, can_edit: bool) -> dict[str, Any]:
    """Everything that an operation's page shows. Raises NotFound."""
    row = operations.find(operation_id)
    called = _names(row)
    listed = [
        {**result, "link": _link(row, result["jobId"]), "name": called.get(result["jobId"], "")}
        for result in row.results
    ]
    return {
        **_line(row),
        "can_cancel": can_edit and not row.finished,
        "back": Listing.of({"kind": row.job_kind, **_narrowed(row)}).query(),
        "results": listed,
        "reasons": sorted(row.reasons, key=lambda reason: -reason["count"]),
        "kept": len(listed),
        "ending": _ending(row),
        "outcomes": _outcomes(row),
    }


def _names(row: BulkOperation) -> dict[str, str]:
    """What the listed jobs are called, by id; those that were deleted are not in it."""
    ids = [result["jobId"] for result in row.results]
    if row.job_kind == Kind.upload:
        uploads = UploadJob.objects(job_id__in=ids).only(*_UPLOAD_NAME) if ids else []
        return {job.job_id: f"{job.resource_name or ''} · {what_of(job)}" for job in uploads}
    jobs = TranscodeJob.objects(job_id__in=ids).only("job_id", "name") if ids else []
    return {job.job_id: str(job.name) for job in jobs}


def _outcomes(row: BulkOperation) -> list[tuple[str, float, float]]:
    """The stretches of the bar: the name of a colour, where it begins, and its width, of 1000."""
    stretches, x = [], 0.0
    counts = (("completed", row.done), ("failed", row.failures), ("waiting", row.skipped))
    for tone, count in counts:
        width = round(1000 * count / max(1, row.total, _visited(row)), 1)
        if width:
            stretches.append((tone, round(x, 1), width))
            x += width
    return stretches


def _line(row: BulkOperation) -> dict[str, Any]:
    noun = "uploads" if row.job_kind == "upload" else "jobs"
    progress = 100.0 if row.status == Status.completed else float(row.progress or 0)
    return {
        "operation": row,
        "label": LABELS[Action(row.action)],
        "noun": noun,
        "counted": f"{row.total:,} {noun if row.total != 1 else noun.removesuffix('s')}",
        "word": "Stopping" if _leaving(row) else STATUS_WORDS[row.status],
        "progress": round(progress, 1),
        "left": max(0, row.total - _visited(row)),
        "chosen_words": _chosen_words(row, noun),
        "pace": _pace(row),
    }


def _visited(row: BulkOperation) -> int:
    return int(row.done + row.skipped + row.failures)


def _leaving(row: BulkOperation) -> bool:
    """Whether its worker has yet to put down what it was doing when it was cancelled."""
    if row.status != Status.cancelled or not row.pending or row.cancelled_at is None:
        return False
    return (datetime.now(UTC) - say.utc(row.cancelled_at)).total_seconds() < LEAVING_SECONDS


def _ending(row: BulkOperation) -> str:
    """What came of it, in a sentence; empty while it goes on."""
    visited, left = _visited(row), max(0, row.total - _visited(row))
    if row.status == Status.completed:
        if left:
            return f"{left:,} matched no more when their turn came."
        return ""
    if row.status == Status.cancelled and not _leaving(row):
        words = [row.error_message or "Cancelled."]
        words.append(f"{visited:,} of {row.total:,} were visited, and what was done stays done.")
        if row.pending:
            words.append(
                f"Of {len(row.pending):,} more nobody knows: their worker was lost. Each job's own "
                "history does."
            )
        return " ".join(words)
    return (row.error_message or "") if row.status == Status.failed else ""


def _pace(row: BulkOperation) -> str:
    """How fast it goes or went, and how long it still takes."""
    if row.started_at is None or not _visited(row):
        return ""
    end = say.utc(row.finished_at) if row.finished_at else datetime.now(UTC)
    seconds = max(0.001, (end - say.utc(row.started_at)).total_seconds())
    if row.finished_at:
        return f"took {say.duration(max(1, seconds))}"
    if row.status != Status.active:
        return ""
    rate = _visited(row) / seconds
    return f"{rate:,.0f} a second · {say.left(max(0, row.total - _visited(row)) / rate)}"


def _chosen_words(row: BulkOperation, noun: str) -> str:
    if not row.chosen:
        return f"{row.total:,} checked {noun}." if row.total > 1 else "One checked row."
    words = [
        f"{_SAID.get(name, name)} {value.replace(',', ', ')}"
        for name, value in row.chosen.items()
        if name not in ("to", "from")
    ]
    return f"All {noun} with {', '.join(words)}." if words else f"All {noun}."


def _narrowed(row: BulkOperation) -> dict[str, str]:
    if not row.chosen:
        return {}
    known = filter_of(row.chosen)
    return {"status": known.status.value} if known.status else {}


def _link(row: BulkOperation, job_id: str) -> str:
    return Listing.of({"kind": row.job_kind, "q": job_id}).query()
