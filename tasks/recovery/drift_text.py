"""Texts of drift: both sides of a disagreement."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

from tasks.models import TranscodeJob
from tasks.models.clock import aware
from tasks.recovery.orphan import Orphan
from tasks.recovery.survey import Finding
from tasks.recovery.verdict import Fix, QueueState, RowState, fixable


@dataclass(frozen=True)
class Drift:
    """One disagreement.

    ``kind``: transcode, step, upload, message, or in the bucket: work, stream, encoding,
    master, source, half-upload.
    ``job_id`` names it: a job's id, or a name in the bucket. ``row_says`` and ``other_says`` are
    its two sides; ``other`` says whether the other side is the queue or the bucket. ``rule``,
    ``sentence`` and ``fix`` come from the table; ``by_itself``: the next pass repairs it;
    ``fixable``: a click does. ``since`` is ISO 8601, or "" where it is unknown.
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


def of_finding(finding: Finding) -> Drift:
    """A finding in words."""
    rule = finding.rule
    return Drift(
        id=id_of(rule.id, finding.kind, finding.ref),
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
    """An orphan of the bucket in words."""
    rule = orphan.rule
    return Drift(
        id=id_of(orphan.rule_id, orphan.kind, orphan.ref),
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


def named(drift: list[Drift]) -> list[Drift]:
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


def id_of(rule_id: str, kind: str, ref: str) -> str:
    """The id of a disagreement: the same for as long as it is the same."""
    return hashlib.blake2s(f"{rule_id}\0{kind}\0{ref}".encode(), digest_size=10).hexdigest()


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
    if orphan.kind == "master" and not orphan.files:
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
    return "" if moment is None else aware(moment).isoformat(timespec="seconds")
