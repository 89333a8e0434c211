"""What the template of a bulk operation is given, at the first paint and live alike."""

from typing import Any

from tasks.control.allowed import LABELS, Action
from tasks.jobs_query import filter_of
from tasks.models import Status
from tasks.models.bulk_operation import BulkOperation
from webapp.pages.job_list import Listing
from webapp.pages.job_view import STATUS_WORDS

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


def context(operation_id: str) -> dict[str, Any] | None:
    """Everything that the page shows; None where there is no such operation."""
    row = BulkOperation.objects(job_id=operation_id).first()
    if row is None:
        return None
    visited = row.done + row.skipped + row.failures
    noun = "uploads" if row.job_kind == "upload" else "jobs"
    progress = 100.0 if row.status == Status.completed else float(row.progress or 0)
    return {
        "operation": row,
        "label": LABELS[Action(row.action)],
        "noun": noun,
        "counted": f"{row.total:,} {noun if row.total != 1 else noun.removesuffix('s')}",
        "word": STATUS_WORDS[row.status],
        "progress": round(progress, 1),
        "visited": visited,
        "left": max(0, row.total - visited) if not row.finished else 0,
        "chosen_words": _chosen_words(row, noun),
        "back": Listing.of({"kind": row.job_kind, **_narrowed(row)}).query(),
        "results": [{**result, "link": _link(row, result["jobId"])} for result in row.results],
        "kept": len(row.results),
    }


def _chosen_words(row: BulkOperation, noun: str) -> str:
    if row.ids:
        return f"The {len(row.ids):,} checked {noun}." if len(row.ids) > 1 else "One checked row."
    words = [
        f"{_SAID.get(name, name)} {value.replace(',', ', ')}"
        for name, value in row.chosen.items()
        if name not in ("to", "from")
    ]
    return f"All {noun} with {', '.join(words)}." if words else f"All {noun}."


def _narrowed(row: BulkOperation) -> dict[str, str]:
    if row.ids:
        return {}
    known = filter_of(row.chosen)
    return {"status": known.status.value} if known.status else {}


def _link(row: BulkOperation, job_id: str) -> str:
    return Listing.of({"kind": row.job_kind, "q": job_id}).query()
