"""What the templates of the drift page are given, at the first paint and live alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tasks.models.repair import Repair
from tasks.recovery import drift, repairs
from tasks.recovery.bucket_look import Unused
from tasks.recovery.drift import Overview
from tasks.recovery.drift_text import Drift
from tasks.recovery.verdict import BY_ID
from webapp import format as say

#: Repairs that the page lists.
REPAIRS_SHOWN = 30

_KINDS = {
    "transcode": "Transcode job",
    "step": "Step",
    "upload": "Upload job",
    "bulk": "Bulk operation",
    "analysis": "Training module",
    "message": "Message",
    "work": "Work area",
    "stream": "Files of a video",
    "encoding": "Stream",
    "master": "Master playlist",
    "source": "Source",
    "half-upload": "Unfinished upload",
}


@dataclass(frozen=True)
class DriftRow:
    """One disagreement, ready to be shown."""

    drift: Drift
    kind: str
    since: datetime | None
    link: str | None

    @property
    def removes(self) -> bool:
        """Whether its fix takes files away."""
        return self.drift.other == "bucket" and self.drift.fixable


@dataclass(frozen=True)
class RepairRow:
    """One repair, ready to be shown."""

    repair: Repair
    name: str
    sentence: str
    link: str | None


@dataclass(frozen=True)
class Found:
    """What one look found, with the last repairs."""

    overview: Overview
    repairs: Sequence[Repair]


def found() -> Found:
    """Looks. Raises redis.RedisError, PyMongoError."""
    return Found(drift.overview(), repairs.latest(REPAIRS_SHOWN))


def context(found: Found, *, can_edit: bool, is_admin: bool) -> dict[str, Any]:
    """Everything that the partial needs."""
    overview = found.overview
    rows = [_row(entry) for entry in overview.drift]
    return {
        "rows": rows,
        "total": overview.total,
        "more": max(0, overview.total - len(rows)),
        "fixable": sum(row.drift.fixable and not row.removes for row in rows),
        "unused": overview.unused,
        "unused_words": _unused_words(overview.unused),
        "is_admin": is_admin,
        "bucket_at": overview.bucket_at,
        "reconciles": overview.passed_at is not None,
        "repairs": [_repair(repair) for repair in found.repairs],
        "can_edit": can_edit,
    }


def count_markup(count: int | None) -> str:
    """How much drift there is, in the navigation; nothing while nobody knows."""
    if count is None:
        return '<span id="drift-count"></span>'
    tone = "some" if count else "none"
    words = f"{say.count(count)}<span class='visually-hidden'> found</span>"
    return f'<span id="drift-count" class="{tone}">{words}</span>'


def _unused_words(unused: Unused) -> str:
    """How many of which kind and how much: ``2 work areas, 1 source; 1.2 GB``."""
    counts = [
        f"{say.count(number)} {_KINDS.get(kind, 'Unfinished upload').lower()}{'s'[: number > 1]}"
        for kind, number in sorted(unused.kinds.items())
    ]
    return f"{', '.join(counts)}; {say.size(unused.size)}"


def _row(entry: Drift) -> DriftRow:
    since = datetime.fromisoformat(entry.since) if entry.since else None
    link = f"/jobs/{entry.transcode_id}" if entry.transcode_id else None
    return DriftRow(entry, _KINDS.get(entry.kind, entry.kind), since, link)


def _repair(repair: Repair) -> RepairRow:
    name = repair.name or repair.ref
    part = ""
    if repair.transcode_id and repair.ref.startswith(f"{repair.transcode_id}."):
        part = repair.ref.removeprefix(f"{repair.transcode_id}.").replace(".", " ")
    rule = BY_ID.get(repair.rule)
    return RepairRow(
        repair,
        f"{name} · {part}" if part else name,
        rule.sentence if rule is not None else repair.rule,
        f"/jobs/{repair.transcode_id}" if repair.transcode_id else None,
    )
