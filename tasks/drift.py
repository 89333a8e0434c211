"""Drift: every disagreement between rows, queue and bucket as people see it, and its repair.

A dry run of the rules that a pass follows. What a reconciler left alone in its last pass is kept
in Redis, so that every page can say how much there is without looking at everything.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import islice

from tasks import advance, audit, orphans, repairs
from tasks.errors import StorageFailed
from tasks.models import Status, Step, TranscodeJob, UploadJob
from tasks.models.clock import now
from tasks.orphans import Orphan
from tasks.redis_client import get_redis
from tasks.survey import Finding, look
from tasks.verdict import Fix, QueueState, RowState, fixable

#: Where the last pass is kept.
SNAPSHOT_KEY = "dailies:drift"
#: Entries that are kept of it; all are counted.
MOST_KEPT = 200
#: Unfinished parts up to which a page looks for itself; beyond, it shows the last pass.
FEW_ROWS = 4_000

_UNFINISHED = [Status.waiting.value, Status.active.value]


@dataclass(frozen=True)
class Drift:
    """One disagreement.

    ``kind``: transcode, step, upload, message, or in the bucket: work, stream, source, half-upload.
    ``job_id`` names it: a job's id, or a name in the bucket. ``row_says`` and ``other_says`` are
    its two sides; ``other`` says whether the other side is the queue or the bucket. ``rule``,
    ``sentence`` and ``fix`` come from the table; ``by_itself``: the next pass repairs it;
    ``fixable``: a click does. ``since`` is ISO 8601, or "" where nobody knows.
    """

    id: str
    kind: str
    job_id: str
    transcode_id: str | None
    name: str
    row_says: str
    other: str
    other_says: str
    rule: str
    sentence: str
    fix: str
    by_itself: bool
    fixable: bool
    since: str


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

    ``bucket_at``: when the bucket was looked at, None where that was not possible. ``passed_at``:
    when a reconciler last made a pass, None where none did lately.
    """

    drift: list[Drift]
    total: int
    looked_at: datetime
    bucket_at: datetime | None
    passed_at: datetime | None


def find_drift(limit: int = 500, *, only: str | None = None, bucket: bool = True) -> list[Drift]:
    """What a pass would find now; with ``bucket`` what lies there unused, too.

    ``only``: one transcode job with its parts. Raises redis.RedisError, PyMongoError,
    StorageFailed.
    """
    found = list(islice(confirmed(only), limit))
    drift = _named([of_finding(finding) for finding in found])
    if bucket and only is None:
        lying = islice(orphans.find_orphans(), limit - len(drift))
        drift += _named([of_orphan(orphan) for orphan in lying])
    return drift


def overview(limit: int = MOST_KEPT) -> Overview:
    """What a page shows: rows as they are now, the bucket as the last look at it found it.

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
    bucket_at, lying, count = _bucket(limit)
    passed_at = last[0] if last is not None else None
    return Overview((drift + lying)[:limit], total + count, looked_at, bucket_at, passed_at)


def count() -> int | None:
    """How much drift the last pass left; None where no reconciler told. Raises
    redis.RedisError."""
    text = get_redis().get(SNAPSHOT_KEY)
    if text is None:
        return None
    lying = orphans.kept()
    return int(json.loads(text)["total"]) + (lying.total if lying is not None else 0)


def keep_snapshot(left: Sequence[Finding], seconds: float) -> None:
    """Keeps what a pass found and did not repair, for so long. Raises redis.RedisError."""
    drift = _named([of_finding(finding) for finding in left[:MOST_KEPT]])
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
            for finding in confirmed()
            if wanted in (_id_of(finding.rule.id, finding.kind, finding.ref), finding.ref)
            or wanted == finding.transcode_id
        ],
        who,
    )
    if not fixed:
        fixed = [
            _fix_orphan(orphan, who)
            for orphan in _orphans()
            if wanted in (_id_of(orphan.rule_id, orphan.kind, orphan.ref), orphan.ref)
        ]
    return fixed


def fix_all(who: str) -> list[Fixed]:
    """Repairs everything that a click repairs.

    Raises redis.RedisError, PyMongoError, StorageFailed.
    """
    fixed = fix_findings([finding for finding in confirmed() if fixable(finding.rule)], who)
    return fixed + [_fix_orphan(orphan, who) for orphan in _orphans() if fixable(orphan.rule)]


def fix_findings(findings: Sequence[Finding], who: str) -> list[Fixed]:
    """Repairs findings of rows and queue. Raises redis.RedisError, PyMongoError, StorageFailed."""
    fixed: list[Fixed] = []
    repaired: list[Finding] = []
    for batch in repairs.batches(findings):
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
    done = orphans.remove(orphan, who)
    if done is not None:
        detail = f"{orphan.rule.sentence} {done}"
        audit.record(who, "fix", kind=orphan.kind, target=orphan.ref, detail=detail)
    action = done or _not_done(orphan.rule.fix)
    return Fixed(orphan.ref, orphan.kind, orphan.rule.sentence, action, done is not None)


def _not_done(what: Fix) -> str:
    if what is Fix.nothing:
        return "It is left alone for now."
    return what.value if what is Fix.sync else "Nothing to do any more."


def confirmed(only: str | None = None) -> Iterator[Finding]:
    """What a look finds and a second glance confirms. Raises redis.RedisError, PyMongoError."""
    for finding in look(only=None if only is None else {only}).findings:
        # That a job stands still is judged by a few numbers; its rows say what is due.
        if finding.rule.fix is not Fix.advance or advance.due(finding.ref):
            yield finding


def _orphans() -> list[Orphan]:
    kept = orphans.kept()
    if kept is not None and kept.total == len(kept.orphans):
        return kept.orphans
    return list(orphans.find_orphans())


def _is_much() -> bool:
    counted = 0
    for model in (Step, UploadJob):
        query = {"status": {"$in": _UNFINISHED}}
        counted += model._get_collection().count_documents(query, limit=FEW_ROWS + 1)
    return counted > FEW_ROWS


def _last_pass() -> tuple[datetime, list[Drift], int] | None:
    text = get_redis().get(SNAPSHOT_KEY)
    if text is None:
        return None
    value = json.loads(text)
    drift = [Drift(**entry) for entry in value["drift"]]
    return datetime.fromisoformat(value["at"]), drift, int(value["total"])


def _bucket(limit: int) -> tuple[datetime | None, list[Drift], int]:
    try:
        kept = orphans.report()
    except StorageFailed:
        return None, [], 0
    drift = _named([of_orphan(orphan) for orphan in kept.orphans[:limit]])
    return kept.looked_at, drift, kept.total


def _id_of(rule_id: str, kind: str, ref: str) -> str:
    return hashlib.blake2s(f"{rule_id}\0{kind}\0{ref}".encode(), digest_size=10).hexdigest()


def of_finding(finding: Finding) -> Drift:
    """A finding in words."""
    rule = finding.rule
    return Drift(
        id=_id_of(rule.id, finding.kind, finding.ref),
        kind=finding.kind,
        job_id=finding.ref,
        transcode_id=finding.transcode_id,
        name="",
        row_says=_row_words(finding),
        other="queue",
        other_says=_queue_words(finding),
        rule=rule.id,
        sentence=rule.sentence,
        fix=rule.fix.value if rule.fix is not Fix.nothing else "It is left alone for now.",
        by_itself=rule.by_itself,
        fixable=fixable(rule),
        since=_iso(finding.since),
    )


def of_orphan(orphan: Orphan) -> Drift:
    """What lies in the bucket, in words."""
    rule = orphan.rule
    return Drift(
        id=_id_of(orphan.rule_id, orphan.kind, orphan.ref),
        kind="half-upload" if orphan.kind == "upload" else orphan.kind,
        job_id=orphan.ref,
        transcode_id=orphan.transcode_id,
        name="" if orphan.transcode_id else orphan.ref.split(" ")[0],
        row_says="No row" if orphan.row == RowState.none else orphan.row.capitalize(),
        other="bucket",
        other_says=_bucket_words(orphan),
        rule=rule.id,
        sentence=rule.sentence,
        fix=rule.fix.value,
        by_itself=rule.by_itself,
        fixable=fixable(rule),
        since=orphan.since,
    )


def _row_words(finding: Finding) -> str:
    row = finding.situation.row
    if row is RowState.none:
        return "No row"
    words = row.capitalize()
    if row is RowState.active and finding.worker and finding.lease_until:
        return f"{words}, leased to {finding.worker} until {_clock(finding.lease_until)}"
    if finding.message_id:
        return f"{words}, message {finding.message_id[:8]}"
    return words


def _queue_words(finding: Finding) -> str:
    if finding.message is not None:
        sent = _clock(finding.message.sent_at)
        message_id = finding.message.message_id[:8]
        return f"Message {message_id} in {finding.message.queue_name}, sent {sent}"
    state = finding.situation.queue
    if finding.kind == TranscodeJob.unit_kind:
        return "Other parts of it" if state is QueueState.lost else "Nothing of it"
    if state is QueueState.held:
        return "Its message, not acknowledged"
    if state is QueueState.none:
        return "No message"
    waits = finding.situation.row is RowState.waiting
    return "That message is not there" if waits else "Its message is gone"


def _bucket_words(orphan: Orphan) -> str:
    if orphan.kind == "transcode":
        return "No master playlist"
    if orphan.kind == "upload":
        return f"Parts of {orphan.ref.rsplit(' ', 1)[0]}"
    many = "" if orphan.files == 1 else "s"
    return f"{orphan.files:,} file{many}, {_size_words(orphan.size)}"


def _size_words(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.1f} kB"


def _clock(moment: datetime) -> str:
    return f"{moment:%d %b, %H:%M:%S} UTC".lstrip("0")


def _iso(moment: datetime | None) -> str:
    if moment is None:
        return ""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return aware.isoformat(timespec="seconds")


def _named(drift: list[Drift]) -> list[Drift]:
    """With the names of their jobs, read at once."""
    ids = {entry.transcode_id for entry in drift if entry.transcode_id}
    names = dict(TranscodeJob.objects(job_id__in=list(ids)).scalar("job_id", "name"))
    named = []
    for entry in drift:
        words = [name] if (name := names.get(entry.transcode_id)) else []
        if entry.transcode_id and entry.job_id.startswith(f"{entry.transcode_id}."):
            words.append(entry.job_id.removeprefix(f"{entry.transcode_id}.").replace(".", " "))
        elif entry.name:
            words.append(entry.name)
        named.append(replace(entry, name=" · ".join(words) or entry.name or entry.job_id))
    return named
