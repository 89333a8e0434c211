"""Drift: every disagreement between rows, queue and bucket as people see it, and its repair.

A dry run of the rules that a pass follows. What a reconciler left alone in its last pass is kept
in Redis, so that every page can say how much there is without looking at everything.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice

from tasks.infra.redis_client import get_redis
from tasks.jobs.lifecycle import Conflict
from tasks.models import UNFINISHED_VALUES, Step, UploadJob, stored
from tasks.models.clock import now
from tasks.records import audit
from tasks.recovery import bucket_look, orphans, repairs
from tasks.recovery.bucket_look import Unused
from tasks.recovery.drift_text import Drift, id_of, named, of_finding, of_orphan
from tasks.recovery.orphans import Orphan
from tasks.recovery.survey import Finding, scan
from tasks.recovery.verdict import Fix, fixable

#: Where the last pass is kept.
SNAPSHOT_KEY = "dailies:drift"
#: Entries that are kept of it; all are counted.
MOST_KEPT = 200
#: Unfinished parts up to which a page looks for itself; beyond, it shows the last pass.
FEW_ROWS = 4_000


@dataclass(frozen=True)
class Fixed:
    """A repair: what it was about, why, and what was done (or why nothing was)."""

    job_id: str
    kind: str
    reason: str
    action: str
    done: bool


@dataclass(frozen=True)
class Overview:
    """``drift`` are the first of ``total``, as of ``looked_at``.

    ``bucket_at``: when the bucket was looked at, None where nobody did within a day. ``passed_at``:
    when a reconciler last made a pass, None where none did lately. ``unused`` is what an admin may
    remove from the bucket at once.
    """

    drift: list[Drift]
    total: int
    looked_at: datetime
    bucket_at: datetime | None
    passed_at: datetime | None
    unused: Unused


def find_drift(limit: int = 500, *, only: str | None = None, bucket: bool = True) -> list[Drift]:
    """The drift that a pass would find now; with ``bucket`` the unused objects there, too.

    ``only``: one transcode job with its parts. Raises redis.RedisError, PyMongoError,
    StorageFailed.
    """
    found = scan(only=None if only is None else {only}).findings[:limit]
    drift = named([of_finding(finding) for finding in found])
    if bucket and only is None:
        lying = islice(orphans.find_orphans(), limit - len(drift))
        drift += named([of_orphan(orphan) for orphan in lying])
    return drift


def overview(limit: int = MOST_KEPT) -> Overview:
    """The drift for a page: of rows as they are now, of the bucket as the last look found it.

    Where so much is unfinished that looking takes seconds, the rows are those of the last pass.
    Raises redis.RedisError, PyMongoError.
    """
    looked_at = now()
    last = _last_pass()
    if last is not None and _is_much():
        looked_at, drift, total = last
    else:
        drift = find_drift(limit + 1, bucket=False)
        total = len(drift)
    look = bucket_look.kept()
    lying, bucket_at = (look.orphans[:limit], look.looked_at) if look else ([], None)
    drift = drift + named([of_orphan(orphan) for orphan in lying])
    total += look.total if look else 0
    passed_at = last[0] if last is not None else None
    unused = bucket_look.unused(look)
    return Overview(drift[:limit], total, looked_at, bucket_at, passed_at, unused)


def count() -> int | None:
    """The amount of drift that the last pass left; None where no reconciler told. Raises
    redis.RedisError."""
    text = get_redis().get(SNAPSHOT_KEY)
    if text is None:
        return None
    lying = bucket_look.kept()
    return int(json.loads(text)["total"]) + (lying.total if lying is not None else 0)


def keep_snapshot(left: Sequence[Finding], seconds: float) -> None:
    """Keeps what a pass found and did not repair, for so long. Raises redis.RedisError."""
    drift = named([of_finding(finding) for finding in left[:MOST_KEPT]])
    value = {
        "at": now().isoformat(),
        "total": len(left),
        "drift": [asdict(entry) for entry in drift],
    }
    get_redis().set(SNAPSHOT_KEY, json.dumps(value), ex=max(1, round(seconds)))


def fix(drift_or_job_id: str, who: str) -> list[Fixed]:
    """Repairs one drift by its id, or all drift of a job; empty where there is none of it.

    Raises redis.RedisError, PyMongoError, StorageFailed.
    """
    wanted = drift_or_job_id
    fixed = fix_findings(
        [
            finding
            for finding in scan().findings
            if wanted in (id_of(finding.rule.id, finding.kind, finding.ref), finding.ref)
            or wanted == finding.transcode_id
        ],
        who,
    )
    if not fixed:
        fixed = [
            _fix_orphan(orphan, who)
            for orphan in _orphans()
            if wanted in (id_of(orphan.rule_id, orphan.kind, orphan.ref), orphan.ref)
        ]
    return fixed


def fix_all(who: str) -> list[Fixed]:
    """Repairs everything of rows and queue that a click repairs.

    Raises redis.RedisError, PyMongoError, StorageFailed.
    """
    return fix_findings([finding for finding in scan().findings if fixable(finding.rule)], who)


def remove_unused(who: str) -> list[Fixed]:
    """Removes from the bucket what the last look found to belong to nothing.

    Raises Conflict where the database is empty or it is too much of the bucket, NotOwner,
    redis.RedisError, PyMongoError, StorageFailed.
    """
    unused = bucket_look.unused(bucket_look.kept())
    if unused.refusal:
        raise Conflict(unused.refusal)
    return [_fix_orphan(orphan, who) for orphan in unused.orphans]


def fix_findings(findings: Sequence[Finding], who: str) -> list[Fixed]:
    """Repairs findings of rows and queue. Raises redis.RedisError, PyMongoError, StorageFailed."""
    fixed: list[Fixed] = []
    repaired: list[Finding] = []
    for batch in repairs.grouped(findings):
        of_batch = _fix_batch(batch, who)
        repaired += [one for one, entry in zip(batch, of_batch, strict=True) if entry.done]
        fixed += of_batch
    repairs.clear_up(repaired)
    return fixed


def _fix_batch(findings: Sequence[Finding], who: str) -> list[Fixed]:
    fixed, made = [], []
    audited: dict[str, list[audit.Line]] = {}
    for finding, done in zip(findings, repairs.repair(findings, who), strict=True):
        rule, kind, ref = finding.rule, finding.kind, finding.ref
        if done is not None:
            made.append(repairs.Made(rule, kind, ref, finding.transcode_id, done))
            audited.setdefault(kind, []).append(audit.Line(ref, f"{rule.sentence} {done}"))
        action = done or _not_done(rule.fix)
        fixed.append(Fixed(ref, kind, rule.sentence, action, done is not None))
    repairs.record(made, who)
    for kind, lines in audited.items():
        audit.record_many(who, "fix", lines, kind=kind)
    return fixed


def _fix_orphan(orphan: Orphan, who: str) -> Fixed:
    done = bucket_look.remove(orphan, who)
    if done is not None:
        detail = f"{orphan.rule.sentence} {done}"
        audit.record(who, "fix", kind=orphan.kind, target=orphan.ref, detail=detail)
    action = done or _not_done(orphan.rule.fix)
    return Fixed(orphan.ref, orphan.kind, orphan.rule.sentence, action, done is not None)


def _not_done(what: Fix) -> str:
    if what is Fix.nothing:
        return "It is left alone for now."
    return "Nothing to do any more."


def _orphans() -> list[Orphan]:
    look = bucket_look.kept()
    return look.orphans if look is not None else []


def _is_much() -> bool:
    counted = 0
    for model in (Step, UploadJob):
        query = {"status": {"$in": UNFINISHED_VALUES}}
        counted += stored.collection(model).count_documents(query, limit=FEW_ROWS + 1)
    return counted > FEW_ROWS


def _last_pass() -> tuple[datetime, list[Drift], int] | None:
    text = get_redis().get(SNAPSHOT_KEY)
    if text is None:
        return None
    value = json.loads(text)
    drift = [Drift(**entry) for entry in value["drift"]]
    return datetime.fromisoformat(value["at"]), drift, int(value["total"])
